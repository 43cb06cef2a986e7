/** What a request's query has under the name of the parameter that carries API keys. */
export interface QueryKey {
  /** Decoded; parameters that came more than once are joined with `,`, as headers are, so that two keys are none. */
  readonly value: string;
  /** The names as they are written in the query, by which Envoy takes them out: it decodes none. */
  readonly names: readonly string[];
}

export const NO_QUERY_KEY: QueryKey = { value: '', names: [] };

/**
 * Looks for a parameter in the query of a path, which is read as it is written: what comes before the first `?` is
 * nobody's business here. `name` is of unreserved characters (RFC 3986 section 2.3).
 */
export function queryKeyOf(path: string, name: string): QueryKey {
  const start = path.indexOf('?');
  if (start < 0) return NO_QUERY_KEY;
  let value: string | undefined;
  const names: string[] = [];
  for (const parameter of path.slice(start + 1).split('&')) {
    const equals = parameter.indexOf('=');
    const written = equals < 0 ? parameter : parameter.slice(0, equals);
    if (written !== name && decoded(written) !== name) continue;
    const given = equals < 0 ? '' : decoded(parameter.slice(equals + 1));
    value = value === undefined ? given : `${value},${given}`;
    if (!names.includes(written)) names.push(written);
  }
  return value === undefined ? NO_QUERY_KEY : { value, names };
}

/** As it is written where it is not well-formed: then it is neither the name nor a key. */
function decoded(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

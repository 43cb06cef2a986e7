/** The query parameter that carries an API key, as found in one request. */
export interface QueryKey {
  /**
   * The value, percent-decoded. A repeated parameter is joined with `,`, as repeated headers are: two keys together are
   * not a valid key.
   */
  readonly value: string;
  /** The parameter's names as spelled in the query. Envoy removes parameters by these spellings: it does not decode. */
  readonly names: readonly string[];
}

export const NO_QUERY_KEY: QueryKey = { value: '', names: [] };

/**
 * Finds the parameter `name` in the query of a path. `name` consists of unreserved characters (RFC 3986, section 2.3).
 * The path is not normalized, and everything before the first `?` is ignored.
 */
export function findQueryKey(path: string, name: string): QueryKey {
  const start = path.indexOf('?');
  if (start < 0) return NO_QUERY_KEY;
  let joinedValue: string | undefined;
  const names: string[] = [];
  for (const parameter of path.slice(start + 1).split('&')) {
    const equals = parameter.indexOf('=');
    const spelledName = equals < 0 ? parameter : parameter.slice(0, equals);
    if (spelledName !== name && percentDecode(spelledName) !== name) continue;
    const value = equals < 0 ? '' : percentDecode(parameter.slice(equals + 1));
    joinedValue = joinedValue === undefined ? value : `${joinedValue},${value}`;
    if (!names.includes(spelledName)) names.push(spelledName);
  }
  return joinedValue === undefined ? NO_QUERY_KEY : { value: joinedValue, names };
}

/** Returns malformed text unchanged: it is then neither the parameter's name nor a key. */
function percentDecode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The cookies of a request that are looked for, and all others. */
export interface SplitCookies {
  /**
   * The values of those that are present, by name, without quotes. A repeated cookie is joined with `,`, as repeated
   * headers are: two keys together are not a valid key.
   */
  readonly values: ReadonlyMap<string, string>;
  /** The header with the other cookies, as they were written; empty if there are none. */
  readonly rest: string;
}

/** Splits the header `cookie` (RFC 6265, section 4.2.1). Names are case-sensitive. Values are not percent-decoded. */
export function splitCookies(header: string, names: ReadonlySet<string>): SplitCookies {
  const values = new Map<string, string>();
  const rest: string[] = [];
  for (const part of header.split(';')) {
    const cookie = part.trim();
    if (cookie === '') continue;
    const equals = cookie.indexOf('=');
    const name = (equals < 0 ? cookie : cookie.slice(0, equals)).trim();
    if (!names.has(name)) {
      rest.push(cookie);
      continue;
    }
    const value =
      equals < 0
        ? ''
        : cookie
            .slice(equals + 1)
            .trim()
            .replace(/^"(.*)"$/, '$1');
    const earlier = values.get(name);
    values.set(name, earlier === undefined ? value : `${earlier},${value}`);
  }
  return { values, rest: rest.join('; ') };
}

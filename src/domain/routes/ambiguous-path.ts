/**
 * Paths that two servers may read in two ways: an empty segment; a dot segment; a backslash; `;`; a `#`; characters that no
 * URL has as they are (RFC 3986 has only visible ASCII); the percent-encoding of `/`, `\`, `;` or a control character; the
 * percent-encoding of an unreserved character (letters, digits and `-._~`), which is the same path without it.
 */
const AMBIGUOUS =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is its purpose.
  /\/\/|\/\.\.?(?:\/|$)|[\\;#\x00-\x20\x7f-\uffff]|%(?:[01][0-9a-f]|2[def]|3[0-9b]|4[1-9a-f]|5[0-9acf]|6[1-9a-f]|7[0-9aef])/i;

/**
 * Whether a path without its query could be read in two ways. A slash at the end is not checked: whether it matters depends
 * on the routes.
 */
export function isAmbiguousPath(path: string): boolean {
  if (AMBIGUOUS.test(path)) return true;
  return path.includes('%') && decode(path) === undefined;
}

const ENCODED_SLASH = /%2f/i;

/**
 * Percent-decodes a path, except for encoded slashes, which separate no segments. Segments that cannot be decoded stay as
 * they are.
 */
export function decodePath(path: string): string {
  if (!path.includes('%')) return path;
  const decoded = ENCODED_SLASH.test(path) ? undefined : decode(path);
  if (decoded !== undefined) return decoded;
  return path
    .split('/')
    .map((segment) => (ENCODED_SLASH.test(segment) ? segment : (decode(segment) ?? segment)))
    .join('/');
}

/** undefined: the text is not the percent-encoding of UTF-8. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

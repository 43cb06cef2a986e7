const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const TILDE = 0x7e;

/**
 * Escapes a limit's name for a string of a structured header field (RFC 9651, section 3.3.3), which holds only visible
 * ASCII and spaces. `"` and `\` get a backslash. If the name has other characters, Weir percent-encodes them and `%` as
 * UTF-8. Nearly all names are returned as they are, without an allocation.
 */
export function escapeInQuotes(name: string): string {
  for (let index = 0; index < name.length; index++) {
    const code = name.charCodeAt(index);
    if (code < SPACE || code > TILDE || code === QUOTE || code === BACKSLASH) return escapeName(name);
  }
  return name;
}

function escapeName(name: string): string {
  const isAscii = /^[ -~]*$/.test(name);
  const ascii = isAscii ? name : name.replaceAll(/[^ -$&-~]+/g, encodeURIComponent);
  return ascii.replaceAll(/["\\]/g, '\\$&');
}

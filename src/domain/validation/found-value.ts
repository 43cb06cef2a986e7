/**
 * Secrets start with one of these prefixes (API keys, refresh tokens, JWTs) or contain a long run of random characters.
 */
const MAY_BE_SECRET = /wk_|wr_|eyJ|[A-Za-z0-9+/=_-]{20,}/;
/** At most 40 characters of printable ASCII. */
const SHORT_AND_PRINTABLE = /^[\x20-\x7e]{0,40}$/;
const NAME = /^[a-z][a-z_.]{0,39}$/i;

/**
 * Adds the found value to a description of what was expected: `must be … (got "value")`. Leaves a text out that is
 * long, not printable or possibly a secret that was sent in the wrong field. Fields that hold secrets must not use it.
 */
export function withFound(expected: string, found: unknown): string {
  if (typeof found !== 'string') return `${expected} (got ${describeFound(found)})`;
  return isRepeatable(found) ? `${expected} (got "${found}")` : expected;
}

function isRepeatable(text: string): boolean {
  return SHORT_AND_PRINTABLE.test(text) && !MAY_BE_SECRET.test(text);
}

/** Quotes a text. Returns an ellipsis for one that is long, not printable or possibly a secret. */
export function quoteFound(text: string): string {
  return isRepeatable(text) ? `"${text}"` : '"…"';
}

/**
 * Quotes a text that was sent in place of a name. Returns an ellipsis if the text does not look like a name: it may be
 * a secret in the wrong place, and errors are logged.
 */
export function quoteName(text: string): string {
  return NAME.test(text) ? `"${text}"` : '"…"';
}

function describeFound(found: unknown): string {
  if (typeof found === 'number' || typeof found === 'boolean') return String(found);
  if (found === undefined) return 'nothing';
  if (found === null) return 'null';
  return Array.isArray(found) ? 'a list' : 'an object';
}

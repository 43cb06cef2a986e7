import { suggestName } from '../validation/suggest-name.ts';

/** A place of a request where clients may send their API key. Names of headers are in lower case. */
export type KeySource =
  | { readonly kind: 'header' | 'cookie' | 'query'; readonly name: string }
  | { readonly kind: 'authorization'; readonly scheme: AuthorizationScheme };

/** `basic`: the user name is the key. `raw`: the whole header is, without a scheme. */
export type AuthorizationScheme = 'bearer' | 'apikey' | 'basic' | 'raw';

const KINDS = ['header', 'authorization', 'cookie', 'query'];
const SCHEMES: readonly AuthorizationScheme[] = ['bearer', 'apikey', 'basic', 'raw'];
/** Every source is searched on each request. */
const MAX_SOURCES = 8;
/** RFC 9110, section 5.6.2. Names of cookies have the same form (RFC 6265, section 4.1.1). */
const TOKEN = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/;
/** Unreserved characters (RFC 3986, section 2.3): Envoy removes a parameter by its name as it is written. */
const PARAMETER = /^[A-Za-z0-9._~-]{1,64}$/;
/** Headers that Envoy cannot remove, or that Check uses otherwise. */
const RESERVED_HEADER =
  /^(host|connection|content-length|transfer-encoding|te|upgrade|content-type|x-request-id|origin|access-control-request-method|x[-_]weir[-_].*)$/;

/** Parses sources separated by commas, such as `header:x-api-key, cookie:session_key`, or says what they must be. */
export function parseKeySources(text: string): readonly KeySource[] | { readonly invalid: string } {
  const sources: KeySource[] = [];
  const found = new Set<string>();
  for (const item of text.split(',').map((part) => part.trim())) {
    const source = parseKeySource(item);
    if ('invalid' in source) return source;
    const name = formatKeySource(source);
    if (found.has(name)) return { invalid: `must not name ${name} twice` };
    // It takes every value of the header, so the schemes after it would never be found.
    if (source.kind === 'authorization' && found.has('authorization:raw')) {
      return { invalid: `must name authorization:raw after ${name}` };
    }
    found.add(name);
    sources.push(source);
  }
  return sources.length > MAX_SOURCES ? { invalid: `must be at most ${MAX_SOURCES} sources` } : sources;
}

/** Formats a source as it is configured. */
export function formatKeySource(source: KeySource): string {
  return `${source.kind}:${source.kind === 'authorization' ? source.scheme : source.name}`;
}

function parseKeySource(item: string): KeySource | { readonly invalid: string } {
  const colon = item.indexOf(':');
  const kind = (colon < 0 ? item : item.slice(0, colon)).trim().toLowerCase();
  const value = colon < 0 ? '' : item.slice(colon + 1).trim();
  switch (kind) {
    case 'header':
      return parseHeader(value.toLowerCase());
    case 'authorization': {
      const scheme = SCHEMES.find((known) => known === value.toLowerCase());
      return scheme === undefined
        ? { invalid: `must have one of ${SCHEMES.join(', ')} after authorization:${didYouMean(value, SCHEMES)}` }
        : { kind, scheme };
    }
    case 'cookie':
      return TOKEN.test(value) ? { kind, name: value } : { invalid: 'must have the name of a cookie after cookie:' };
    case 'query':
      return PARAMETER.test(value)
        ? { kind, name: value }
        : { invalid: 'must have 1 to 64 letters, digits, "-", ".", "_" and "~" after query:' };
    default:
      return {
        invalid: `must be sources such as header:x-api-key, authorization:bearer, cookie:NAME or query:NAME${didYouMean(kind, KINDS)}`,
      };
  }
}

function parseHeader(name: string): KeySource | { readonly invalid: string } {
  if (name === 'authorization') return { invalid: 'must have authorization:raw in place of header:authorization' };
  if (name === 'cookie') return { invalid: 'must have cookie:NAME in place of header:cookie' };
  return TOKEN.test(name) && !RESERVED_HEADER.test(name)
    ? { kind: 'header', name }
    : { invalid: 'must have the name of a header after header:, not one that Envoy or Weir uses otherwise' };
}

function didYouMean(word: string, names: readonly string[]): string {
  const suggestion = suggestName(word.toLowerCase(), names);
  return suggestion === undefined ? '' : `; did you mean ${suggestion}?`;
}

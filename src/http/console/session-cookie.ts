import type { Scheme } from './request-scheme.ts';

/** Browsers keep no longer cookies. */
const MAX_COOKIE_LENGTH = 4096;

/**
 * The cookie of each scheme. Browsers accept one with the prefix `__Host-` over https only, for this host and all paths, so
 * that neither plain http nor another host of the domain can set it.
 */
const COOKIES = {
  https: { name: '__Host-weir', attributes: 'Path=/; HttpOnly; Secure; SameSite=Strict' },
  loopback: { name: 'weir', attributes: 'Path=/; HttpOnly; SameSite=Strict' },
} as const;

export type CookieScheme = Exclude<Scheme, 'insecure'>;

export function cookieName(scheme: CookieScheme): string {
  return COOKIES[scheme].name;
}

/**
 * Reads the cookie of a scheme from the header `cookie`. undefined: it is not there, or is longer than browsers allow, or
 * is there twice: one of them may come from another site.
 */
export function readCookie(header: string | undefined, scheme: CookieScheme): string | undefined {
  const beginning = `${cookieName(scheme)}=`;
  const pairs = (header ?? '').split(';').map((pair) => pair.trim());
  const [value, ...more] = pairs.flatMap((pair) => (pair.startsWith(beginning) ? pair.slice(beginning.length) : []));
  if (value === undefined || more.length > 0 || value.length > MAX_COOKIE_LENGTH) return undefined;
  return value;
}

/** Formats the header `set-cookie`. `value` is base64url and dots. */
export function formatCookie(scheme: CookieScheme, value: string, maxAgeSeconds: number): string {
  const { name, attributes } = COOKIES[scheme];
  return `${name}=${value}; ${attributes}; Max-Age=${maxAgeSeconds}`;
}

/** Formats the header `set-cookie` that deletes the cookie. */
export function formatDeletedCookie(scheme: CookieScheme): string {
  return formatCookie(scheme, '', 0);
}

import { readOwnOrigin } from './own-origin.ts';
import type { Scheme } from './request-scheme.ts';

/** Browsers keep no longer cookies. */
const MAX_COOKIE_LENGTH = 4096;

/**
 * Browsers accept a cookie with the prefix `__Host-` over https only, for this host and all paths, so that neither plain
 * http nor another host of the domain can set it.
 */
const SECURE_COOKIE: Cookie = { name: '__Host-weir', attributes: 'Path=/; HttpOnly; Secure; SameSite=Strict' };
const LOOPBACK_ATTRIBUTES = 'Path=/; HttpOnly; SameSite=Strict';
const HTTP_PORT = '80';

export type CookieScheme = Exclude<Scheme, 'insecure'>;

export interface Cookie {
  readonly name: string;
  readonly attributes: string;
}

/**
 * The cookie of a request with the header `host`. A browser sends a cookie to all ports of a host. So the name of the cookie
 * over plain http has the port: several nodes on one machine have a session each.
 */
export function chooseCookie(scheme: CookieScheme, host: string | undefined): Cookie {
  if (scheme === 'https') return SECURE_COOKIE;
  const port = readOwnOrigin(host, 'http')?.port || HTTP_PORT; // a URL leaves out the port 80
  return { name: `weir-${port}`, attributes: LOOPBACK_ATTRIBUTES };
}

/**
 * Reads a cookie from the header `cookie`. undefined: it is not there, or is longer than browsers allow, or
 * is there twice: one of them may come from another site.
 */
export function readCookie(header: string | undefined, { name }: Cookie): string | undefined {
  const beginning = `${name}=`;
  const pairs = (header ?? '').split(';').map((pair) => pair.trim());
  const [value, ...more] = pairs.flatMap((pair) => (pair.startsWith(beginning) ? pair.slice(beginning.length) : []));
  if (value === undefined || more.length > 0 || value.length > MAX_COOKIE_LENGTH) return undefined;
  return value;
}

/** Formats the header `set-cookie`. `value` is base64url and dots. */
export function formatCookie({ name, attributes }: Cookie, value: string, maxAgeSeconds: number): string {
  return `${name}=${value}; ${attributes}; Max-Age=${maxAgeSeconds}`;
}

/** Formats the header `set-cookie` that deletes the cookie. */
export function formatDeletedCookie(cookie: Cookie): string {
  return formatCookie(cookie, '', 0);
}

import { type Routes, sendText } from '../serve-routes.ts';

const DAY_MS = 86_400_000;
/** RFC 9116 recommends less than a year. */
const VALID_DAYS = 180;

/**
 * Creates the route `/.well-known/security.txt` (RFC 9116): whom to tell about a vulnerability of this deployment. `contact`
 * is a URI.
 */
export function createSecurityTxtRoute(contact: string): Routes {
  return {
    '/.well-known/security.txt': (response) => {
      sendText(response, 200, formatSecurityTxt(contact, Date.now()), 'text/plain; charset=utf-8');
    },
  };
}

/** `now` is Unix time in ms. The same text for a whole day. */
export function formatSecurityTxt(contact: string, now: number): string {
  const expires = new Date((Math.floor(now / DAY_MS) + VALID_DAYS) * DAY_MS);
  return `Contact: ${contact}\nExpires: ${expires.toISOString()}\n`;
}

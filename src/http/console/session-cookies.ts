import type { IncomingMessage, ServerResponse } from 'node:http';
import { RefusedRequest } from '../refused-request.ts';
import { type ConsoleSession, idleTimeLeft, openSession, type SessionSealer, sealSession } from './console-session.ts';
import type { Scheme } from './request-scheme.ts';
import { type CookieScheme, chooseCookie, formatCookie, formatDeletedCookie, readCookie } from './session-cookie.ts';

/** Reads and sets the cookie of sessions. */
export class SessionCookies {
  #sealer: SessionSealer | undefined;

  /** Sets what encrypts the sessions. Until then requests are refused with 503. */
  sealWith(sealer: SessionSealer): void {
    this.#sealer = sealer;
  }

  /**
   * Returns the session of a request. undefined: it has none; if it has a cookie without one, the response deletes the cookie.
   */
  read(request: IncomingMessage, response: ServerResponse, scheme: Scheme): ConsoleSession | undefined {
    if (scheme === 'insecure') return undefined;
    const { headers } = request;
    const cookie = chooseCookie(scheme, headers.host);
    const value = readCookie(headers.cookie, cookie);
    const session = value && openSession(this.#requireSealer(), cookie.name, value, Date.now());
    if (session) return session;
    if (headers.cookie?.includes(`${cookie.name}=`)) this.clear(response, scheme);
    return undefined;
  }

  /** Lets the response set the cookie of a session. */
  set(response: ServerResponse, scheme: CookieScheme, session: ConsoleSession): void {
    const cookie = chooseCookie(scheme, response.req.headers.host);
    const value = sealSession(this.#requireSealer(), cookie.name, session);
    const maxAgeSeconds = Math.ceil(idleTimeLeft(session, Date.now()) / 1000);
    response.setHeader('set-cookie', formatCookie(cookie, value, maxAgeSeconds));
  }

  /** Lets the response delete the cookie. */
  clear(response: ServerResponse, scheme: Scheme): void {
    if (scheme === 'insecure') return;
    response.setHeader('set-cookie', formatDeletedCookie(chooseCookie(scheme, response.req.headers.host)));
  }

  #requireSealer(): SessionSealer {
    if (this.#sealer !== undefined) return this.#sealer;
    throw new RefusedRequest(503, 'not_ready', 'the service is starting; retry');
  }
}

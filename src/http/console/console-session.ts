import { decodeJwt } from 'jose';
import { z } from 'zod';

const consoleSession = z.object({
  accessToken: z.string(),
  refreshToken: z.string(),
  /** Unix time in ms of the last call that the user caused. */
  usedAtMs: z.number(),
});

/** A session of the console: what its cookie holds. */
export type ConsoleSession = Readonly<z.infer<typeof consoleSession>>;

/** Encrypts sessions. A text that was sealed for one name does not open for another. */
export interface SessionSealer {
  seal(name: string, text: string): string;
  /** undefined: another secret sealed the text, or it was changed since. */
  open(name: string, sealed: string): string | undefined;
}

/** The console ends this long after the last call that the user caused. */
export const IDLE_LIFETIME_MS = 30 * 60_000;
/** A cookie that is younger is not replaced for a call of the user. */
const TOUCH_INTERVAL_MS = 60_000;
/** An access token is renewed this long before it expires, or for the last quarter of its lifetime, if that is shorter. */
const MAX_RENEWAL_MS = 60_000;

/** `name` is that of the cookie. */
export function sealSession(sealer: SessionSealer, name: string, session: ConsoleSession): string {
  return sealer.seal(name, JSON.stringify(session));
}

/** Opens the value of a cookie. undefined: nobody has sealed it, or the session has been idle for too long at `now` (ms). */
export function openSession(
  sealer: SessionSealer,
  name: string,
  sealed: string,
  now: number,
): ConsoleSession | undefined {
  const text = sealer.open(name, sealed);
  const session = text === undefined ? undefined : consoleSession.safeParse(JSON.parse(text)).data;
  return session !== undefined && idleTimeLeft(session, now) > 0 ? session : undefined;
}

/** The time in ms until a session ends if its user makes no call. */
export function idleTimeLeft({ usedAtMs }: ConsoleSession, now: number): number {
  return usedAtMs + IDLE_LIFETIME_MS - now;
}

/** The time in ms until the access token expires; 0 or less: it has. */
export function accessTimeLeft({ accessToken }: ConsoleSession, now: number): number {
  return readTimes(accessToken).expiresAtMs - now;
}

/**
 * Chooses the change of a cookie before a call at `now` (ms):
 * - `renew`: exchange the tokens, because the access token has expired or soon will
 * - `touch`: set a cookie with the same tokens and the time of this call
 * - `keep`: nothing
 *
 * A touch is not sent shortly before the tokens are renewed. Its response could arrive after that of the call that renews
 * them, and replace the new tokens by used ones.
 */
export function planCookie(session: ConsoleSession, isPoll: boolean, now: number): 'renew' | 'touch' | 'keep' {
  const { issuedAtMs, expiresAtMs } = readTimes(session.accessToken);
  const renewalMs = Math.min(MAX_RENEWAL_MS, (expiresAtMs - issuedAtMs) / 4);
  const left = expiresAtMs - now;
  if (left <= renewalMs) return 'renew';
  return !isPoll && left > 2 * renewalMs && now - session.usedAtMs >= TOUCH_INTERVAL_MS ? 'touch' : 'keep';
}

/** Weir has issued the token, and sealed it since, so nothing is verified. */
function readTimes(accessToken: string): { readonly issuedAtMs: number; readonly expiresAtMs: number } {
  const { iat = 0, exp = 0 } = decodeJwt(accessToken);
  return { issuedAtMs: iat * 1000, expiresAtMs: exp * 1000 };
}

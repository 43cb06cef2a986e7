import { describe, expect, it } from 'vitest';
import { type ConsoleSession, openSession, planCookie, sealSession } from './console-session.ts';

const NOW = Date.UTC(2026, 10, 30);
const MINUTE_MS = 60_000;

/** A session whose access token was issued at NOW for some seconds. */
function createSession(lifetimeSeconds: number): ConsoleSession {
  const iat = NOW / 1000;
  const payload = Buffer.from(JSON.stringify({ iat, exp: iat + lifetimeSeconds })).toString('base64url');
  return { accessToken: `e30.${payload}.c2ln`, refreshToken: 'refresh', usedAtMs: NOW };
}

describe('the cookie of a session whose access token has 15 minutes', () => {
  const session = createSession(900);
  const plan = (seconds: number, isPoll = false) => planCookie(session, isPoll, NOW + seconds * 1000);

  it.for([
    [0, 'keep'],
    [59, 'keep'],
    [60, 'touch'],
    [779, 'touch'],
    [780, 'keep'],
    [839, 'keep'],
    [840, 'renew'],
    [901, 'renew'],
  ] as const)('after %i seconds, a call of its user lets the node %s it', ([seconds, expected]) => {
    expect(plan(seconds)).toBe(expected);
  });

  it('is renewed for a poll, and never touched', () => {
    expect([plan(60, true), plan(779, true), plan(840, true)]).toEqual(['keep', 'keep', 'renew']);
  });
});

it('a token of a minute is renewed in its last quarter', () => {
  const session = createSession(60);
  expect([44, 45].map((seconds) => planCookie(session, false, NOW + seconds * 1000))).toEqual(['keep', 'renew']);
});

describe('a sealed session', () => {
  const sealer = { seal: (name: string, text: string) => name + text, open: (_: string, sealed: string) => sealed };
  const open = (text: string, minutes: number) => openSession(sealer, '', text, NOW + minutes * MINUTE_MS);

  it('opens for 30 minutes', () => {
    const sealed = sealSession(sealer, '', createSession(900));
    expect(open(sealed, 29.9)).toEqual(createSession(900));
    expect(open(sealed, 30)).toBeUndefined();
  });

  it('of another form does not open', () => {
    expect(open('{"accessToken":"a"}', 0)).toBeUndefined();
  });
});

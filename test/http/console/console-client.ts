import { once } from 'node:events';
import { type IncomingHttpHeaders, request as sendRequest } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { createTextSealer } from '../../../src/identity/secrets/text-sealer.ts';
import { SIGNING_KEY_SECRET } from '../../support/node.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body?: string | object;
}

/** Headers that a page of the console sends with each POST and DELETE. */
export const PAGE = { 'x-weir-console': '1', 'content-type': 'application/json' };
/** Headers that the trusted proxy of a test adds for a browser that speaks https with it. */
export const OVER_HTTPS = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.9', host: 'weir.example.com' };

/** Sends a request with any path and any headers: `fetch` resolves dots in paths, and forbids some headers. */
export async function send(
  port: number,
  path: string,
  { method = 'GET', headers = {}, body }: Sent = {},
): Promise<Answer> {
  const host = `localhost:${port}`;
  const sent = Object.fromEntries(
    Object.entries({ host, ...headers }).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  const text = typeof body === 'object' ? JSON.stringify(body) : (body ?? '');
  const length = text === '' ? {} : { 'content-length': Buffer.byteLength(text) };
  const request = sendRequest({ host: '127.0.0.1', port, path, method, headers: { ...sent, ...length }, agent: false });
  request.on('error', () => {}); // the server closes the connection before it has read everything
  request.end(text);
  const [response] = await once(request, 'response');
  const bytes = await buffer(response);
  return { status: response.statusCode, headers: response.headers, bytes, text: bytes.toString() };
}

/** Reads the cookie that an answer sets, as `name=value`. Fails if it sets none. */
export function readSetCookie({ headers }: Answer): string {
  const [setCookie, ...more] = headers['set-cookie'] ?? [];
  if (setCookie === undefined || more.length > 0) throw new Error('the answer must set one cookie');
  return setCookie.split(';')[0] ?? '';
}

const sealer = createTextSealer(SIGNING_KEY_SECRET, 'console session');

export interface SealedSession {
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly usedAtMs: number;
}

/** Decrypts a cookie, as a node of the tests does. */
export function openCookie(cookie: string): SealedSession {
  const [name = '', value = ''] = cookie.split('=');
  return JSON.parse(sealer.open(name, value) ?? '');
}

/** Encrypts a cookie, as a node of the tests does. */
export function sealCookie(name: string, session: SealedSession): string {
  return `${name}=${sealer.seal(name, JSON.stringify(session))}`;
}

/** A token that nobody signed, with a time of issue and of expiry in seconds from now. */
export function unsignedToken(issuedIn: number, expiresIn: number): string {
  const now = Math.floor(Date.now() / 1000);
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  return `${encode({ alg: 'EdDSA' })}.${encode({ iat: now + issuedIn, exp: now + expiresIn })}.c2lnbmF0dXJl`;
}

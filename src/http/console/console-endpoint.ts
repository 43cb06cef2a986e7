import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { parseJson } from '../../domain/validation/parse-json.ts';
import { BodyReader } from '../body-reader.ts';
import { type ApiGate, abortOnClose, sendAnswer } from '../endpoints/api-gate.ts';
import { RefusedRequest } from '../refused-request.ts';
import { requireMediaType, requirePost } from '../request-form.ts';
import { type Site, sendText } from '../serve-routes.ts';
import { checkPageRequest } from './check-page-request.ts';
import { isTokenRejected, readAnswer, sendReadAnswer, sendSignedOut } from './console-answers.ts';
import { ConsoleCalls, LOGIN, readTokens, returnsTokens } from './console-calls.ts';
import { accessTimeLeft, type ConsoleSession, planCookie, type SessionSealer } from './console-session.ts';
import { findScheme, type Scheme, type SchemeSettings } from './request-scheme.ts';
import { SECURITY_HEADERS } from './security-headers.ts';
import { SessionCookies } from './session-cookies.ts';

const SESSION_PATH = '/console/session';
const API_PATH = '/console/api';
const JSON_ONLY = ['application/json'];
/** Bodies of signing out have a few bytes. */
const SIGN_OUT_BOUNDS = { maxBodyBytes: 1024, maxBytes: 64 * 1024, maxBytesPerNetwork: 16 * 1024, deadlineMs: 5_000 };
const signOutBody = z.strictObject({ allSessions: z.boolean().default(false) });

interface ConsoleParts extends SchemeSettings {
  readonly gate: ApiGate;
  /** Answers the paths of files. */
  readonly files: Site['answer'];
}

/** Serves the console: its files, its sessions, and the calls of its pages. */
export class ConsoleEndpoint implements Site {
  readonly #parts: ConsoleParts;
  readonly #calls: ConsoleCalls;
  readonly #cookies = new SessionCookies();
  readonly #signOutBodies = new BodyReader(SIGN_OUT_BOUNDS);

  constructor(parts: ConsoleParts) {
    this.#parts = parts;
    this.#calls = new ConsoleCalls(parts.gate);
  }

  /** Sets what encrypts the sessions. Until then nobody can sign in. */
  sealWith(sealer: SessionSealer): void {
    this.#cookies.sealWith(sealer);
  }

  accepts({ url = '' }: IncomingMessage): boolean {
    return /^\/console(?:[/?]|$)/.test(url);
  }

  /** Answers a request. Never throws. */
  readonly answer = (request: IncomingMessage, response: ServerResponse): void => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    response.setHeader('cache-control', 'no-store');
    const { gate, files } = this.#parts;
    const [path = ''] = (request.url ?? '').split('?');
    if (path === SESSION_PATH) gate.serve(request, response, () => this.#serveSession(request, response));
    else if (path.startsWith(`${API_PATH}/`)) gate.serve(request, response, () => this.#serveCall(request, response));
    else files(request, response);
  };

  async #serveSession(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method } = request;
    if (method !== 'GET' && method !== 'POST' && method !== 'DELETE') {
      response.setHeader('allow', 'GET, POST, DELETE');
      throw new RefusedRequest(405, 'method_not_allowed', `method: must be GET, POST or DELETE (got ${method})`);
    }
    const scheme = this.#checkPage(request);
    if (method === 'GET') this.#sendSignedIn(request, response, scheme);
    else if (method === 'POST') await this.#signIn(request, response, scheme);
    else await this.#signOut(request, response, scheme);
  }

  /** Answers whether there is a session. A page that has just been opened asks, because a failed call is an error in its log. */
  #sendSignedIn(request: IncomingMessage, response: ServerResponse, scheme: Scheme): void {
    const signedIn = this.#cookies.read(request, response, scheme) !== undefined;
    sendText(response, 200, JSON.stringify({ signedIn }), 'application/json');
  }

  /** Throws RefusedRequest unless the request comes from a page of the console. */
  #checkPage(request: IncomingMessage): Scheme {
    const scheme = findScheme(request, this.#parts);
    checkPageRequest(request, scheme);
    return scheme;
  }

  async #signIn(request: IncomingMessage, response: ServerResponse, scheme: Scheme): Promise<void> {
    if (scheme === 'insecure') {
      const message =
        'scheme: must be https, because the session would cross the network in clear; set HTTP_TLS_CERT_FILE and HTTP_TLS_KEY_FILE, or list the proxy that speaks TLS in TRUSTED_PROXIES and let it send x-forwarded-proto. Over plain http, only http://localhost works';
      throw new RefusedRequest(403, 'insecure', message);
    }
    requireMediaType(request.headers, JSON_ONLY);
    const body = await this.#parts.gate.readBody(request, LOGIN);
    const call = { path: LOGIN, body, signal: abortOnClose(response) };
    const answer = await this.#calls.call(request, call, readAnswer);
    const tokens = readTokens(answer);
    if (tokens === undefined) {
      sendReadAnswer(response, answer);
      return;
    }
    this.#cookies.set(response, scheme, { ...tokens, usedAtMs: Date.now() });
    sendText(response, 200, '{}', 'application/json');
  }

  async #signOut(request: IncomingMessage, response: ServerResponse, scheme: Scheme): Promise<void> {
    const allSessions = await this.#readAllSessions(request);
    const session = this.#cookies.read(request, response, scheme);
    if (session !== undefined) {
      const answer = await this.#calls.signOut(request, session.refreshToken, allSessions);
      // 401: there is no such session any more.
      if (answer.status !== 200 && answer.status !== 401) {
        sendReadAnswer(response, answer);
        return;
      }
    }
    this.#cookies.clear(response, scheme);
    response.writeHead(204).end();
  }

  async #readAllSessions(request: IncomingMessage): Promise<boolean> {
    const body = await this.#signOutBodies.read(request);
    if (body.length === 0) return false;
    requireMediaType(request.headers, JSON_ONLY);
    const parsed = signOutBody.safeParse(parseJson(body.toString()));
    if (parsed.success) return parsed.data.allSessions;
    throw new RefusedRequest(400, 'invalid_request', 'body: must be empty, or {"allSessions": true}');
  }

  async #serveCall(request: IncomingMessage, response: ServerResponse): Promise<void> {
    requirePost(request.method);
    const scheme = this.#checkPage(request);
    requireMediaType(request.headers, JSON_ONLY);
    const path = (request.url ?? '').slice(API_PATH.length);
    if (returnsTokens(path)) {
      throw new RefusedRequest(
        403,
        'no_tokens',
        `method: must not be one that returns tokens; POST ${SESSION_PATH} signs in`,
      );
    }
    const body = await this.#parts.gate.readBody(request, path);
    const accessToken = await this.#resume(request, response, scheme);
    if (accessToken === undefined) {
      sendSignedOut(response);
      return;
    }
    const call = { path, body, accessToken, signal: abortOnClose(response) };
    await this.#calls.call(request, call, async (answer) => {
      if (answer.status !== 401) return sendAnswer(response, answer);
      const read = await readAnswer(answer);
      if (isTokenRejected(read)) this.#cookies.clear(response, scheme);
      sendReadAnswer(response, read);
    });
  }

  /**
   * Returns the access token of the session, which it renews if necessary, and sets the cookie. undefined: there is no session,
   * or it has ended; the cookie is then deleted.
   */
  async #resume(request: IncomingMessage, response: ServerResponse, scheme: Scheme): Promise<string | undefined> {
    const session = this.#cookies.read(request, response, scheme);
    if (session === undefined || scheme === 'insecure') return undefined;
    const now = Date.now();
    const isPoll = request.headers['x-weir-poll'] === '1';
    const plan = planCookie(session, isPoll, now);
    const used = { ...session, usedAtMs: isPoll ? session.usedAtMs : now };
    const current = plan === 'renew' ? await this.#renew(request, used) : used;
    if (current === undefined) this.#cookies.clear(response, scheme);
    else if (plan !== 'keep') this.#cookies.set(response, scheme, current);
    return current?.accessToken;
  }

  /** Renews the tokens of a session. undefined: it has ended. While that fails for another reason, the old ones stay. */
  async #renew(request: IncomingMessage, session: ConsoleSession): Promise<ConsoleSession | undefined> {
    const answer = await this.#calls.renew(request, session.refreshToken);
    const tokens = readTokens(answer);
    if (tokens !== undefined) return { ...session, ...tokens };
    if (answer.status === 401 || answer.status === 403) return undefined;
    if (accessTimeLeft(session, Date.now()) > 0) return session;
    throw new RefusedRequest(503, 'unavailable', 'session: cannot be renewed now; retry');
  }
}

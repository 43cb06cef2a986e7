import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { ApiAnswer, ApiGate } from '../endpoints/api-gate.ts';
import { type ReadAnswer, readAnswer } from './console-answers.ts';

const AUTH = '/weir.admin.v1.AuthService';
export const LOGIN = `${AUTH}/Login`;
const LOGOUT = `${AUTH}/Logout`;
const REFRESH_TOKEN = `${AUTH}/RefreshToken`;
/** Methods whose responses have the tokens of a session. */
const TOKEN_METHODS: ReadonlySet<string> = new Set([LOGIN, REFRESH_TOKEN, `${AUTH}/Register`]);
/** Headers of Connect that a call keeps. */
const CONNECT_HEADERS = ['connect-protocol-version', 'connect-timeout-ms'];

const tokens = z.object({ accessToken: z.string(), refreshToken: z.string() });
export type SessionTokens = Readonly<z.infer<typeof tokens>>;

interface ConsoleCall {
  readonly path: string;
  readonly body: Uint8Array;
  /** undefined: the call has none. */
  readonly accessToken?: string;
  /** Aborted when the caller disconnects; undefined: the call goes on then. */
  readonly signal?: AbortSignal;
}

/** Whether the response of a method has the tokens of a session, which no script may see. */
export function returnsTokens(path: string): boolean {
  return TOKEN_METHODS.has(path);
}

/** Makes calls of the admin API for a page: as the client that the request comes from, with the token of its session. */
export class ConsoleCalls {
  readonly #gate: ApiGate;
  /** By the refresh token. Pages make several calls at once, and each of them may find that the tokens must be renewed. */
  readonly #renewals = new Map<string, Promise<ReadAnswer>>();

  constructor(gate: ApiGate) {
    this.#gate = gate;
  }

  /** Makes a call, and passes the answer to `use`. The credentials of the request itself have no effect. */
  call<Result>(
    request: IncomingMessage,
    { path, body, accessToken, signal }: ConsoleCall,
    use: (answer: ApiAnswer) => Promise<Result>,
  ): Promise<Result> {
    const headers = new Headers({ 'content-type': 'application/json' });
    for (const name of CONNECT_HEADERS) {
      for (const value of request.headersDistinct[name] ?? []) headers.append(name, value);
    }
    const own: Readonly<Record<string, readonly string[]>> = {
      authorization: accessToken === undefined ? [] : [`Bearer ${accessToken}`],
      cookie: [],
    };
    const call = {
      path,
      headers,
      peer: request.socket.remoteAddress ?? '',
      readHeader: (name: string) => own[name] ?? request.headersDistinct[name] ?? [],
      body,
      signal: signal ?? new AbortController().signal,
    };
    return this.#gate.answer(call, use);
  }

  /** Exchanges a refresh token. Calls that present the same one at once share the answer. */
  renew(request: IncomingMessage, refreshToken: string): Promise<ReadAnswer> {
    const running = this.#renewals.get(refreshToken);
    if (running !== undefined) return running;
    const body = Buffer.from(JSON.stringify({ refreshToken }));
    const renewal = this.call(request, { path: REFRESH_TOKEN, body }, readAnswer).finally(() =>
      this.#renewals.delete(refreshToken),
    );
    this.#renewals.set(refreshToken, renewal);
    return renewal;
  }

  /** Ends the session of a refresh token, or all sessions of its account. */
  signOut(request: IncomingMessage, refreshToken: string, allSessions: boolean): Promise<ReadAnswer> {
    const body = Buffer.from(JSON.stringify({ refreshToken, allSessions }));
    return this.call(request, { path: LOGOUT, body }, readAnswer);
  }
}

/** Reads the tokens of an answer of Login or RefreshToken. undefined: it is an error. */
export function readTokens({ status, text }: ReadAnswer): SessionTokens | undefined {
  return status === 200 ? tokens.parse(JSON.parse(text)) : undefined;
}

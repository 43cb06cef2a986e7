import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Routes, sendText } from '../serve-routes.ts';

/** The parts of a request that say whose quota it asks for. */
export interface QuotaQuestion {
  /** IP address of the connection. */
  readonly peer: string;
  /** Returns all values of a header with a lower-case name. */
  readHeader(name: string): readonly string[];
}

export interface QuotaAnswer {
  readonly status: number;
  /** JSON. */
  readonly body: string;
  /** Whole seconds; undefined: no retry is promised. */
  readonly retryAfterSeconds?: number | undefined;
}

/** Answers whose quota is asked for. Never rejects. */
export type QuotaHandler = (question: QuotaQuestion) => Promise<QuotaAnswer>;

/** Serves `/v1/quota`: what is left of the limits of the caller's key or token. */
export class QuotaEndpoint {
  #handler: QuotaHandler | undefined;

  get routes(): Routes {
    return { '/v1/quota': (response, request) => this.#serve(response, request) };
  }

  /** Sets the handler. Until then the path answers 503. */
  handleWith(handler: QuotaHandler): void {
    this.#handler = handler;
  }

  async #serve(response: ServerResponse, request: IncomingMessage): Promise<void> {
    if (this.#handler === undefined) {
      sendText(response, 503, 'not ready: the service is starting\n');
      return;
    }
    const { status, body, retryAfterSeconds } = await this.#handler({
      peer: request.socket.remoteAddress ?? '',
      readHeader: (name) => request.headersDistinct[name] ?? [],
    });
    if (status === 401) response.setHeader('www-authenticate', 'Bearer realm="api"');
    if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds);
    sendText(response, status, body, 'application/json');
  }
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Browsers, proxies and Prometheus send the next request when they have the answer. */
export const MAX_UNANSWERED_REQUESTS = 16;

/**
 * Limits the requests that one connection sends without reading answers (HTTP pipelining). Node.js parses all requests of
 * the bytes that have arrived, thousands at once, before it notices that nobody reads the answers.
 */
export class PipelineLimit {
  readonly #unanswered = new WeakMap<Socket, number>();

  /** Returns whether the request may be answered. Otherwise the connection is closed. */
  admit({ socket }: IncomingMessage, response: ServerResponse): boolean {
    if (socket.destroyed) return false; // a later request of the same bytes
    const unanswered = (this.#unanswered.get(socket) ?? 0) + 1;
    if (unanswered > MAX_UNANSWERED_REQUESTS) {
      socket.destroy();
      return false;
    }
    this.#unanswered.set(socket, unanswered);
    response.once('close', () => this.#unanswered.set(socket, (this.#unanswered.get(socket) ?? 1) - 1));
    return true;
  }
}

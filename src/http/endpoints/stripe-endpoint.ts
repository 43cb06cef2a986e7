import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { BodyReader } from '../body-reader.ts';
import { RefusedRequest } from '../refused-request.ts';
import { requireMediaType } from '../request-form.ts';
import { sendRefusal } from '../send-refusal.ts';
import { type Routes, sendText } from '../serve-routes.ts';

/** Answers an event of Stripe. Never rejects. */
export type StripeEventHandler = (request: {
  readonly body: Buffer;
  readonly peer: string;
  /** Returns all values of a header with a lower-case name. */
  readHeader(name: string): readonly string[];
}) => Promise<{ readonly status: number; readonly body: string }>;

/** Events of subscriptions have a few KiB. */
const MAX_BODY_BYTES = 64 * 1024;
const BODY_BOUNDS = {
  maxBodyBytes: MAX_BODY_BYTES,
  maxBytes: 64 * MAX_BODY_BYTES,
  maxBytesPerNetwork: 32 * MAX_BODY_BYTES,
  deadlineMs: 5_000,
};
/** Each needs a connection to Postgres. Stripe sends the others again. */
const MAX_CONCURRENT_EVENTS = 8;
/** Stripe waits longer. */
const ANSWER_TIMEOUT_MS = 8_000;

/** Serves `/v1/billing/stripe`: events that Stripe sends by POST. */
export class StripeEndpoint {
  readonly #bodies = new BodyReader(BODY_BOUNDS);
  #handler: StripeEventHandler | undefined;
  #inProgress = 0;

  get routes(): Routes {
    return { '/v1/billing/stripe': { post: (response, request) => this.#serve(response, request) } };
  }

  /** Sets the handler. Until then the path answers 503. */
  handleWith(handler: StripeEventHandler): void {
    this.#handler = handler;
  }

  async #serve(response: ServerResponse, request: IncomingMessage): Promise<void> {
    try {
      requireMediaType(request.headers, ['application/json']);
      if (this.#handler === undefined) throw new RefusedRequest(503, 'not_ready', 'the service is starting');
      const body = await this.#bodies.read(request);
      const { status, body: answer } = await this.#handle(request, body, this.#handler);
      sendText(response, status, answer, 'application/json');
    } catch (error) {
      if (error instanceof RefusedRequest) await sendRefusal(request, response, error);
      else response.destroy(); // the caller disconnected
    }
  }

  async #handle(request: IncomingMessage, body: Buffer, handler: StripeEventHandler): ReturnType<StripeEventHandler> {
    if (this.#inProgress >= MAX_CONCURRENT_EVENTS) throw new RefusedRequest(503, 'busy', 'too many events; retry');
    this.#inProgress++;
    const handling = handler({
      body,
      peer: request.socket.remoteAddress ?? '',
      readHeader: (name) => [request.headers[name] ?? []].flat(),
    }).finally(() => this.#inProgress--);
    const late = sleep(ANSWER_TIMEOUT_MS, undefined, { ref: false });
    const answer = await Promise.race([handling, late]);
    if (answer === undefined) throw new RefusedRequest(503, 'busy', 'the event may or may not be applied; retry');
    return answer;
  }
}

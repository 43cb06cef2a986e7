import { type RateLimitJson, rateLimitJson } from '../envoy/rate-limit/rate-limit-json.ts';
import { InvalidRequest } from '../envoy/wire/decode-message.ts';
import { batchCalls } from '../transport/batch-calls.ts';
import { type BatchHandler, GrpcStatus, type UnaryCall } from '../transport/unary-call.ts';
import { SHOULD_RATE_LIMIT_PATH } from './decision-methods.ts';

/** An answer over HTTP: the status, and the body in JSON. */
export interface JsonAnswer {
  readonly status: number;
  readonly body: string;
}

/** One request over HTTP. */
export interface JsonRequest {
  readonly body: string;
  readonly requestId: string | undefined;
  /** Whether the caller has gone away. */
  readonly isCancelled: () => boolean;
}

/** Far beyond what deciding may take: only what never ends is cut. */
const DEADLINE_MS = 5000;

/** By status of the call; any other is 500. */
const HTTP_STATUSES: ReadonlyMap<GrpcStatus, { readonly status: number; readonly code: string }> = new Map([
  [GrpcStatus.INVALID_ARGUMENT, { status: 400, code: 'invalid_request' }],
  [GrpcStatus.UNAVAILABLE, { status: 503, code: 'store_unavailable' }],
]);
const INTERNAL = { status: 500, code: 'internal' };

/**
 * ShouldRateLimit over JSON, for callers that do not speak gRPC, decided by the same handler. As envoyproxy/ratelimit's
 * NewJsonHandler (src/server/server_impl.go) it answers 200, 429 when over the limit, 400 to a request that is wrong;
 * other than there, 503 when the counters cannot be reached, and every refusal says why. Never rejects.
 */
export function jsonTransport(handler: BatchHandler): (request: JsonRequest) => Promise<JsonAnswer> {
  const gather = batchCalls(handler);
  const json = rateLimitJson();
  return (request) => {
    const { promise, resolve } = Promise.withResolvers<JsonAnswer>();
    try {
      const message = json.readRequest(request.body);
      const late = setTimeout(() => resolve(failure(INTERNAL, 'not decided in time')), DEADLINE_MS);
      const answer = (value: JsonAnswer): void => {
        clearTimeout(late);
        resolve(value);
      };
      gather(new JsonCall(request, message, json, answer));
    } catch (error) {
      if (error instanceof InvalidRequest) resolve(failed(GrpcStatus.INVALID_ARGUMENT, error.message));
      else resolve(failed(GrpcStatus.INTERNAL, 'internal error'));
    }
    return promise;
  };
}

class JsonCall implements UnaryCall {
  readonly path = SHOULD_RATE_LIMIT_PATH;
  readonly message: Uint8Array;
  readonly requestId: string | undefined;
  readonly deadline = performance.now() + DEADLINE_MS;
  readonly #isCancelled: () => boolean;
  readonly #json: RateLimitJson;
  readonly #answer: (answer: JsonAnswer) => void;

  constructor(request: JsonRequest, message: Uint8Array, json: RateLimitJson, answer: (answer: JsonAnswer) => void) {
    this.message = message;
    this.requestId = request.requestId;
    this.#isCancelled = request.isCancelled;
    this.#json = json;
    this.#answer = answer;
  }

  get cancelled(): boolean {
    return this.#isCancelled();
  }

  reply(message: Uint8Array): void {
    try {
      const { text, overLimit } = this.#json.writeResponse(message);
      this.#answer({ status: overLimit ? 429 : 200, body: text });
    } catch {
      // What is no JSON, as a number that is none: the rest of the batch is answered all the same.
      this.#answer(failure(INTERNAL, 'the answer has no form in JSON'));
    }
  }

  fail(status: GrpcStatus, message: string): void {
    this.#answer(failed(status, message));
  }
}

function failed(status: GrpcStatus, message: string): JsonAnswer {
  return failure(HTTP_STATUSES.get(status) ?? INTERNAL, message);
}

function failure({ status, code }: { status: number; code: string }, message: string): JsonAnswer {
  return { status, body: JSON.stringify({ error: { code, message } }) };
}

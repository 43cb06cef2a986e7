import { createRateLimitJson, type RateLimitJson } from '../envoy/rate-limit/rate-limit-json.ts';
import { InvalidRequest } from '../envoy/wire/decode-message.ts';
import { batchCalls } from '../transport/batch-calls.ts';
import { type BatchHandler, GrpcStatus, type UnaryCall } from '../transport/unary-call.ts';
import { SHOULD_RATE_LIMIT_PATH } from './decision-methods.ts';

export interface JsonRequest {
  readonly body: string;
  readonly requestId: string | undefined;
  readonly traceparent: string | undefined;
  /** Whether the caller has disconnected. */
  readonly isCancelled: () => boolean;
}

export interface JsonResponse {
  /** HTTP status. */
  readonly status: number;
  /** JSON. */
  readonly body: string;
}

/** Far longer than a decision may take: only a call that would never end reaches it. */
const DEADLINE_MS = 5000;

/** HTTP status and error code by gRPC status; any other is INTERNAL. */
const ERRORS: ReadonlyMap<GrpcStatus, { readonly status: number; readonly code: string }> = new Map([
  [GrpcStatus.INVALID_ARGUMENT, { status: 400, code: 'invalid_request' }],
  [GrpcStatus.RESOURCE_EXHAUSTED, { status: 503, code: 'busy' }],
  [GrpcStatus.UNAVAILABLE, { status: 503, code: 'store_unavailable' }],
]);
const INTERNAL = { status: 500, code: 'internal' };

/**
 * Creates a transport for ShouldRateLimit over JSON, for callers that do not speak gRPC. The same handler decides. Like
 * NewJsonHandler of envoyproxy/ratelimit (src/server/server_impl.go), it answers 200, 429 when over the limit, and 400 to
 * an invalid request. Unlike it, it answers 503 when the counters are unavailable, and every error says why. Never
 * rejects.
 */
export function createJsonTransport(handler: BatchHandler): (request: JsonRequest) => Promise<JsonResponse> {
  const addToBatch = batchCalls(handler);
  let created: RateLimitJson | undefined;
  return (request) => {
    const { promise, resolve } = Promise.withResolvers<JsonResponse>();
    try {
      // With the first request, because the descriptors of all messages take 4 MB.
      created ??= createRateLimitJson();
      const json = created;
      const message = json.parseRequest(request.body);
      const timeout = setTimeout(() => {
        resolve(errorResponse(INTERNAL, `no decision within ${DEADLINE_MS / 1000} seconds`));
      }, DEADLINE_MS);
      const respond = (response: JsonResponse): void => {
        clearTimeout(timeout);
        resolve(response);
      };
      addToBatch(new JsonCall(request, message, json, respond));
    } catch (error) {
      if (error instanceof InvalidRequest) resolve(statusResponse(GrpcStatus.INVALID_ARGUMENT, error.message));
      else resolve(statusResponse(GrpcStatus.INTERNAL, 'internal error'));
    }
    return promise;
  };
}

class JsonCall implements UnaryCall {
  readonly path = SHOULD_RATE_LIMIT_PATH;
  readonly message: Uint8Array;
  readonly requestId: string | undefined;
  readonly traceparent: string | undefined;
  readonly deadline = performance.now() + DEADLINE_MS;
  readonly #isCancelled: () => boolean;
  readonly #json: RateLimitJson;
  readonly #respond: (response: JsonResponse) => void;

  constructor(
    request: JsonRequest,
    message: Uint8Array,
    json: RateLimitJson,
    respond: (response: JsonResponse) => void,
  ) {
    this.message = message;
    this.requestId = request.requestId;
    this.traceparent = request.traceparent;
    this.#isCancelled = request.isCancelled;
    this.#json = json;
    this.#respond = respond;
  }

  get cancelled(): boolean {
    return this.#isCancelled();
  }

  reply(message: Uint8Array): void {
    try {
      const { text, overLimit } = this.#json.formatResponse(message);
      this.#respond({ status: overLimit ? 429 : 200, body: text });
    } catch {
      // Not every response has a JSON form: NaN in metadata has none. The rest of the batch is answered all the same.
      this.#respond(errorResponse(INTERNAL, 'the response cannot be represented as JSON'));
    }
  }

  fail(status: GrpcStatus, message: string): void {
    this.#respond(statusResponse(status, message));
  }
}

function statusResponse(status: GrpcStatus, message: string): JsonResponse {
  return errorResponse(ERRORS.get(status) ?? INTERNAL, message);
}

function errorResponse({ status, code }: { status: number; code: string }, message: string): JsonResponse {
  return { status, body: JSON.stringify({ error: { code, message } }) };
}

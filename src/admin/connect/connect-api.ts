import { type DescMethod, type DescMethodUnary, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError, createConnectRouter, createContextKey, createContextValues } from '@connectrpc/connect';
import { createAsyncIterable, type UniversalHandler, type UniversalServerResponse } from '@connectrpc/connect/protocol';
import { ApiError } from '../../domain/api-error.ts';
import type { Logger } from '../../interfaces/logger.ts';
import { parseTimeout } from '../../transport/grpc-http2/call-headers.ts';
import { findRequestId } from '../../transport/request-id.ts';
import type { ReceivedCall } from '../methods/call-context.ts';
import { getMessageRegistry } from '../methods/message-registry.ts';
import type { AdminCalls, AdminMethod } from '../server/admin-calls.ts';
import { ADMIN_PLANE_LIMITS } from '../server/admin-plane-limits.ts';
import { UndecodableRequest } from '../server/decode-request.ts';
import { type ErrorStatus, toErrorStatus } from '../server/error-status.ts';
import { toConnectError } from './connect-error.ts';
import { encodeJsonRequest } from './decode-json.ts';

/** A POST to the path of a method, with its complete body. */
export interface ApiRequest extends ReceivedCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** The content type is in lower case and without parameters: Connect refuses those other than charset=utf-8. */
  readonly headers: Headers;
  readonly body: Uint8Array;
  /** Aborted when the caller disconnects. */
  readonly signal: AbortSignal;
}

/** A call on its way through Connect. */
interface ConnectCall {
  readonly received: ReceivedCall;
  /** Returns the request, or an UndecodableRequest. undefined: Connect has decoded the message. */
  readonly decode: (() => unknown) | undefined;
}

const CALL = createContextKey<ConnectCall>({ received: { peer: '', readHeader: () => [] }, decode: undefined });
/** A gRPC-Web envelope: a byte of flags, and the length of the message in four bytes. */
const ENVELOPE_BYTES = 5;
/** The longest time that a timer of Node.js takes, about 25 days. It ends a longer one at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const EMPTY_MESSAGE = { json: Buffer.from('{}'), proto: Buffer.alloc(0), envelope: Buffer.alloc(ENVELOPE_BYTES) };

/**
 * Serves the admin API by the protocols Connect and gRPC-Web. Connect frames the messages, and AdminCalls answers them as it
 * answers those of gRPC.
 *
 * Connect would reject a request that it cannot decode before any limit counts it, and repeat the wrong value. So the
 * requests are decoded here, and Connect gets an empty message in place of each.
 */
export class ConnectApi {
  readonly #calls: AdminCalls;
  readonly #log: Logger;
  /** By path. Created by the first request, because the descriptors take 4 MB. */
  #handlers: ReadonlyMap<string, UniversalHandler> | undefined;

  constructor(calls: AdminCalls, log: Logger) {
    this.#calls = calls;
    this.#log = log;
  }

  /** The largest body of a request to a method, in bytes. undefined: there is no such method. */
  findMaxBytes(path: string): number | undefined {
    return this.#calls.find(path) && ADMIN_PLANE_LIMITS.maxMessageLength(path) + ENVELOPE_BYTES;
  }

  /** Answers a request to a method that exists. Never rejects: it logs a bug, and answers `internal`. */
  async answer(request: ApiRequest): Promise<UniversalServerResponse> {
    try {
      return await this.#answer(request);
    } catch (error) {
      const { message } = this.#logBug(request, request.path, error);
      const body = Buffer.from(JSON.stringify({ code: 'internal', message }));
      const header = new Headers({ 'content-type': 'application/json' });
      return { status: 500, header, body: createAsyncIterable([body]) };
    }
  }

  async #answer(request: ApiRequest): Promise<UniversalServerResponse> {
    this.#handlers ??= this.#createHandlers();
    const { path, headers, signal, body } = request;
    const handler = this.#handlers.get(path);
    const method = this.#calls.find(path);
    if (handler === undefined || method === undefined) throw new Error(`no such method: ${path}`);
    const read = readMessage(handler, method, headers.get('content-type') ?? '', body);
    dropLongTimeouts(headers);
    headers.delete('content-length'); // of the body that Connect does not get
    return handler({
      httpVersion: '1.1',
      url: `http://localhost${path}`,
      method: 'POST',
      header: headers,
      body: createAsyncIterable([read?.rest ?? body]),
      signal,
      contextValues: createContextValues().set(CALL, { received: request, decode: read?.decode }),
    });
  }

  #createHandlers(): ReadonlyMap<string, UniversalHandler> {
    const registry = getMessageRegistry();
    const router = createConnectRouter({
      grpc: false,
      jsonOptions: { registry, ignoreUnknownFields: false },
      // Without compression of requests there is no bomb, and requests are small.
      acceptCompression: [],
    });
    for (const service of [...registry].filter((desc) => desc.kind === 'service')) {
      for (const desc of service.methods) {
        const method = this.#calls.find(`/${service.typeName}/${desc.name}`);
        if (method !== undefined && isUnary(desc)) this.#implement(router, desc, method);
      }
    }
    return new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  }

  #implement(router: ReturnType<typeof createConnectRouter>, desc: DescMethodUnary, method: AdminMethod): void {
    router.rpc(desc, async (input, { values, signal }) => {
      const { received, decode } = values.get(CALL);
      const decodeInput = () => method.decode(toBinary(desc.input, input));
      const answering = this.#calls.answer(method, received, decode ?? decodeInput);
      const answer = await Promise.race([answering, rejectWhenAborted(signal)]);
      try {
        if ('message' in answer) return fromBinary(desc.output, answer.message);
      } catch (error) {
        throw toConnectError(this.#logBug(received, method.path, error));
      }
      throw toConnectError(answer.error);
    });
  }

  /** Logs an error that AdminCalls has not seen. Returns the status `INTERNAL` to answer with. */
  #logBug({ peer, readHeader }: ReceivedCall, path: string, error: unknown): ErrorStatus {
    const requestId = findRequestId(readHeader('x-request-id'));
    this.#log.error({ err: error, requestId, path, peer }, 'answering a call over HTTP failed');
    return toErrorStatus(error);
  }
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === 'unary';
}

/** A caller that waits longer than a timer can take waits until the call is answered. */
function dropLongTimeouts(headers: Headers): void {
  if (Number(headers.get('connect-timeout-ms')) > MAX_TIMER_MS) headers.delete('connect-timeout-ms');
  const grpcTimeoutMs = parseTimeout(headers.get('grpc-timeout') ?? '');
  if (grpcTimeoutMs !== undefined && grpcTimeoutMs > MAX_TIMER_MS) headers.delete('grpc-timeout');
}

/** Reads the message of a body. undefined: the body has not the form of its content type, which Connect reports. */
function readMessage(
  { method: { input } }: UniversalHandler,
  method: AdminMethod,
  mediaType: string,
  body: Uint8Array,
): { readonly decode: () => unknown; readonly rest: Uint8Array } | undefined {
  switch (mediaType) {
    case 'application/json':
      return { decode: () => decodeJson(method, () => encodeJsonRequest(input, body)), rest: EMPTY_MESSAGE.json };
    case 'application/proto':
      return { decode: () => method.decode(body), rest: EMPTY_MESSAGE.proto };
    default:
      if (!isWholeEnvelope(body)) return undefined;
      return { decode: () => method.decode(body.subarray(ENVELOPE_BYTES)), rest: EMPTY_MESSAGE.envelope };
  }
}

function decodeJson(method: AdminMethod, encode: () => Uint8Array): unknown {
  try {
    return method.decode(encode());
  } catch (error) {
    if (error instanceof ApiError) return new UndecodableRequest(error);
    throw error;
  }
}

/** Whether the body is one message that is not compressed. */
function isWholeEnvelope(body: Uint8Array): boolean {
  if (body.length < ENVELOPE_BYTES || body[0] !== 0) return false;
  return new DataView(body.buffer, body.byteOffset).getUint32(1) === body.length - ENVELOPE_BYTES;
}

/** Rejects when the caller's deadline has passed, or the caller has disconnected. The call itself goes on. */
function rejectWhenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = () => {
      reject(
        signal.reason instanceof ConnectError
          ? signal.reason
          : new ConnectError('the caller has disconnected', Code.Canceled),
      );
    };
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

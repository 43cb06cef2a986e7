import { performance } from 'node:perf_hooks';
import type {
  Metadata,
  ServerUnaryCall,
  ServiceDefinition,
  sendUnaryData,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { batchCalls } from '../batch-calls.ts';
import type { BatchHandler, GrpcStatus, UnaryCall } from '../unary-call.ts';

type RawHandler = (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => void;

/** A service for grpc-js that passes messages on as bytes. */
export interface RawService {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

const MAX_REQUEST_ID_LENGTH = 128;

const passThrough = (bytes: Buffer) => bytes;

/**
 * Creates services from the paths of unary methods (`/package.Service/Method`). They pass all calls that one turn of
 * the event loop has completed to the handler as one batch.
 */
export function createRawServices(paths: readonly string[], handler: BatchHandler): readonly RawService[] {
  const addToBatch = batchCalls(handler);
  return paths.map((path) => {
    const method = {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: passThrough,
      requestDeserialize: passThrough,
      responseSerialize: passThrough,
      responseDeserialize: passThrough,
    };
    const handle: RawHandler = (call, callback) => addToBatch(new GrpcJsCall(path, call, callback));
    return { definition: { method }, implementation: { method: handle } };
  });
}

/** A call of grpc-js as a UnaryCall. */
class GrpcJsCall implements UnaryCall {
  readonly path: string;
  readonly #call: ServerUnaryCall<Buffer, Buffer>;
  readonly #callback: sendUnaryData<Buffer>;

  constructor(path: string, call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) {
    this.path = path;
    this.#call = call;
    this.#callback = callback;
  }

  get message(): Uint8Array {
    return this.#call.request;
  }

  get requestId(): string | undefined {
    return readRequestId(this.#call.metadata);
  }

  get deadline(): number | undefined {
    const deadline = Number(this.#call.getDeadline()); // a Date, or ms of Unix time, or Infinity
    return Number.isFinite(deadline) ? performance.now() + deadline - Date.now() : undefined;
  }

  get cancelled(): boolean {
    return this.#call.cancelled;
  }

  reply(message: Uint8Array): void {
    if (this.cancelled) return;
    this.#callback(null, Buffer.from(message)); // a copy, because the handler reuses the memory of the message
  }

  fail(status: GrpcStatus, message: string): void {
    if (this.cancelled) return;
    this.#callback({ code: status, details: message });
  }
}

/** Reads the caller's x-request-id. undefined: it is missing or too long for a log line. */
export function readRequestId(metadata: Metadata): string | undefined {
  const [value] = metadata.get('x-request-id');
  return typeof value === 'string' && value !== '' && value.length <= MAX_REQUEST_ID_LENGTH ? value : undefined;
}

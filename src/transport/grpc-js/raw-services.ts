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

/** A service for grpc-js whose messages stay bytes. */
export interface RawService {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

const asIs = (bytes: Buffer) => bytes;

/**
 * Services of unary methods, given as `/package.Service/Method`, that hand their calls to a batch handler: all that one
 * turn of the event loop has completed together.
 */
export function rawServices(paths: readonly string[], handler: BatchHandler): readonly RawService[] {
  const gather = batchCalls(handler);
  return paths.map((path) => {
    const method = {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: asIs,
      requestDeserialize: asIs,
      responseSerialize: asIs,
      responseDeserialize: asIs,
    };
    const handle: RawHandler = (call, callback) => gather(new GrpcJsCall(path, call, callback));
    return { definition: { method }, implementation: { method: handle } };
  });
}

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
    return requestIdOf(this.#call.metadata);
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
    this.#callback(null, Buffer.from(message)); // a copy: the message's memory is used again
  }

  fail(status: GrpcStatus, message: string): void {
    if (this.cancelled) return;
    this.#callback({ code: status, details: message });
  }
}

const LONGEST_REQUEST_ID = 128;

/** The caller's x-request-id, if it is one that a log line can hold. */
export function requestIdOf(metadata: Metadata): string | undefined {
  const [value] = metadata.get('x-request-id');
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_REQUEST_ID ? value : undefined;
}

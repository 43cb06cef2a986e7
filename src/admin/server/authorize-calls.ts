import type { Logger } from '../../interfaces/logger.ts';
import type {
  BatchHandler,
  GrpcStatus,
  NetworkBatchHandler,
  NetworkCall,
  UnaryCall,
} from '../../transport/unary-call.ts';
import { type CallContext, type CallContextOptions, readCallContext } from '../methods/call-context.ts';
import { CallLog, nameService } from './call-log.ts';
import { toErrorStatus } from './error-status.ts';

export interface CallAuthorization {
  /** Rejects with an ApiError if the caller may not make the call. `path` is `/package.Service/Method`. */
  authorize(path: string, context: CallContext): Promise<void>;
  readonly contexts: CallContextOptions;
  readonly log: Logger;
}

/** Creates a handler that passes on the calls of authorized callers, and fails and logs all others. */
export function authorizeCalls(
  handle: BatchHandler,
  { authorize, contexts, log }: CallAuthorization,
): NetworkBatchHandler {
  const callLog = new CallLog(log);
  const authorizeCall = async (call: NetworkCall): Promise<void> => {
    const kept = new KeptCall(call);
    const startedAt = performance.now();
    const context = readCallContext({ peer: call.peer, readHeader: (name) => call.readHeader(name) }, contexts);
    try {
      await authorize(kept.path, context);
    } catch (error) {
      const method = call.path.slice(call.path.lastIndexOf('/') + 1);
      const { requestId, peer } = context;
      const durationMs = Math.round(performance.now() - startedAt);
      const service = nameService(call.path);
      callLog.failed({ requestId, service, method, actor: '', peer, resource: '', durationMs }, error);
      const { code, message, details } = toErrorStatus(error);
      call.fail(code, message, details);
      return;
    }
    handle([kept]);
  };
  return (calls) => {
    for (const call of calls) void authorizeCall(call);
  };
}

/** A call with a copy of its message, which stays valid. */
class KeptCall implements UnaryCall {
  readonly message: Uint8Array;
  readonly #call: UnaryCall;

  constructor(call: UnaryCall) {
    this.message = new Uint8Array(call.message);
    this.#call = call;
  }

  get path(): string {
    return this.#call.path;
  }

  get requestId(): string | undefined {
    return this.#call.requestId;
  }

  get traceparent(): string | undefined {
    return this.#call.traceparent;
  }

  get deadline(): number | undefined {
    return this.#call.deadline;
  }

  get cancelled(): boolean {
    return this.#call.cancelled;
  }

  reply(message: Uint8Array): void {
    this.#call.reply(message);
  }

  fail(status: GrpcStatus, message: string): void {
    this.#call.fail(status, message);
  }
}

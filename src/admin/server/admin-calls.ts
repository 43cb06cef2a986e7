import { setImmediate as nextImmediate } from 'node:timers/promises';
import { runWithSpan } from '../../interfaces/current-span.ts';
import type { Tracer } from '../../interfaces/tracing.ts';
import { GrpcStatus, nameStatus } from '../../transport/unary-call.ts';
import {
  type CallContext,
  type CallContextOptions,
  type ReceivedCall,
  readCallContext,
} from '../methods/call-context.ts';
import { isReadOnly, type UnaryService } from '../methods/unary-service.ts';
import { CallObserver, type ObserverOptions } from './call-observer.ts';
import { decodeRequest, rejectUndecodable } from './decode-request.ts';
import { type ErrorStatus, toErrorStatus } from './error-status.ts';

export interface AdminCallsOptions extends ObserverOptions {
  readonly services: readonly UnaryService[];
  readonly contexts: CallContextOptions;
  /** Limits the calls of a service. */
  readonly limitCalls: (service: UnaryService) => UnaryService;
  /** Records a call that has ended. `method` is like `PlanService/CreatePlan`, `code` like `NOT_FOUND`. */
  readonly recordCall: (method: string, code: string, seconds: number) => void;
  /** undefined: no call is traced. */
  readonly tracer?: Tracer | undefined;
}

/** A method of a service. */
export interface AdminMethod {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** Such as `PlanService/CreatePlan`. */
  readonly shortPath: string;
  /** As the service's handlers name it, such as `createPlan`. */
  readonly name: string;
  readonly isReadOnly: boolean;
  decode(message: Uint8Array): unknown;
  encode(response: unknown): Uint8Array;
  handle(request: unknown, context: CallContext): Promise<unknown>;
}

/** How a call has ended: with an encoded response, or with an error. */
export type CallAnswer = { readonly message: Uint8Array } | { readonly error: ErrorStatus };

/** Answers the calls of the admin API, for all transports: within its limits, logged, audited and measured. */
export class AdminCalls {
  readonly #methods: ReadonlyMap<string, AdminMethod>;
  readonly #observer: CallObserver;
  readonly #contexts: CallContextOptions;
  readonly #recordCall: AdminCallsOptions['recordCall'];
  readonly #tracer: Tracer | undefined;

  constructor({ services, contexts, limitCalls, recordCall, tracer, ...observed }: AdminCallsOptions) {
    const limited = services.map((service) => limitCalls(rejectUndecodable(service)));
    this.#methods = new Map(limited.flatMap(listMethods).map((method) => [method.path, method]));
    this.#observer = new CallObserver(observed);
    this.#contexts = contexts;
    this.#recordCall = recordCall;
    this.#tracer = tracer;
  }

  /** Finds a method by its path, `/package.Service/Method`. */
  find(path: string): AdminMethod | undefined {
    return this.#methods.get(path);
  }

  /**
   * Answers a call, and ends its span if it is traced. `decode` returns the request, or an UndecodableRequest. It runs before
   * this function returns. Never rejects.
   */
  async answer(method: AdminMethod, call: ReceivedCall, decode: () => unknown): Promise<CallAnswer> {
    const [traceparent] = this.#tracer === undefined ? [] : call.readHeader('traceparent');
    const span = this.#tracer?.startCall(method.path, traceparent);
    if (span === undefined) return this.#answer(method, call, decode);
    const answer = await runWithSpan(span, () => this.#answer(method, call, decode));
    span.end(nameStatus('error' in answer ? answer.error.code : GrpcStatus.OK));
    return answer;
  }

  async #answer(method: AdminMethod, call: ReceivedCall, decode: () => unknown): Promise<CallAnswer> {
    const startedAt = performance.now();
    const record = (code: GrpcStatus) => {
      this.#recordCall(method.shortPath, nameStatus(code), (performance.now() - startedAt) / 1000);
    };
    const context = readCallContext(call, this.#contexts);
    try {
      const message = await this.#observer.observe(method, context, async (seen) => {
        const request = decode();
        seen.request = request;
        // Calls that arrived together begin one after the other: one that waits for nothing ends before the next begins, and
        // does not count as in progress then.
        await nextImmediate();
        seen.response = await method.handle(request, context);
        return method.encode(seen.response);
      });
      record(GrpcStatus.OK);
      return { message };
    } catch (failure) {
      const error = toErrorStatus(failure);
      record(error.code);
      return { error };
    }
  }
}

function listMethods(service: UnaryService): readonly AdminMethod[] {
  return Object.entries(service.handlers).flatMap(([name, handle]) => {
    const method = service.definition[name];
    if (method === undefined) return [];
    const { path } = method;
    return {
      path,
      shortPath: path.replace('/weir.admin.v1.', ''),
      name,
      isReadOnly: isReadOnly(service, name),
      decode: (message) => decodeRequest(method, message),
      encode: (response) => method.responseSerialize(response as never),
      // `never` is safe: the definition that decoded the request is the handler's own.
      handle: (request, context) => handle(request as never, context),
    };
  });
}

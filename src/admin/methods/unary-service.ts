import { findDataException, isDatabaseUnavailable } from '../../database/database-errors.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { CallContext } from './call-context.ts';
import { READ_ONLY_METHODS } from './read-only-methods.ts';

/** A method of a service definition that ts-proto generates for grpc-js. */
export interface MethodDefinition {
  /** `/package.Service/Method`. */
  readonly path: string;
  requestDeserialize(bytes: Buffer): unknown;
  responseDeserialize(bytes: Buffer): unknown;
  /** `never`: each definition encodes only its own responses. */
  responseSerialize(response: never): Buffer;
  requestSerialize(request: never): Buffer;
}

/**
 * One handler for each method of a service. A handler resolves to the response. It throws an ApiError for a failure
 * that the caller may learn of; any other error is an internal one.
 */
export type Handlers<Service> = {
  readonly [Method in keyof Service]: Service[Method] extends MethodDefinition
    ? (
        request: ReturnType<Service[Method]['requestDeserialize']>,
        context: CallContext,
      ) => Promise<ReturnType<Service[Method]['responseDeserialize']>>
    : never;
};

/** A handler of some method. `never`, because only the method's own definition decodes a request that it accepts. */
export type AnyHandler = (request: never, context: CallContext) => Promise<unknown>;

/** A service definition of ts-proto, and handlers by method name. A method without a handler is UNIMPLEMENTED. */
export interface UnaryService {
  readonly definition: Readonly<Record<string, MethodDefinition>>;
  readonly handlers: Readonly<Record<string, AnyHandler>>;
  /** The node lacks the service, so reflection and health checks do not know it. */
  readonly isLacking?: true;
}

/** Whether the protos mark a method of the service as free of side effects. */
export function isReadOnly({ definition }: Pick<UnaryService, 'definition'>, method: string): boolean {
  return READ_ONLY_METHODS.has(definition[method]?.path ?? '');
}

/**
 * Throws `unavailable` for errors of handlers that mean that Postgres cannot be reached. Hides values of the request that
 * an error of Postgres repeats.
 */
export function mapDatabaseErrors(service: UnaryService): UnaryService {
  return mapHandlers(
    service,
    (_, handle) => (request, context) =>
      handle(request, context).catch((error: unknown) => {
        if (isDatabaseUnavailable(error)) throw new ApiError({ kind: 'unavailable' }, { cause: error });
        const code = findDataException(error);
        // Without its cause, because the log must not repeat the value.
        if (code !== undefined) throw new Error(`Postgres could not take a value of the request (SQLSTATE ${code})`);
        throw error;
      }),
  );
}

/**
 * Refreshes this node's copy of the catalog before a method that is not read-only replies, so that a caller can use
 * what it has just created. `refresh` must not reject: the change is made, whether or not this node can read it yet.
 */
export function refreshBeforeReply(service: UnaryService, refresh: () => Promise<void>): UnaryService {
  return mapHandlers(service, (method, handle) => {
    if (isReadOnly(service, method)) return handle;
    return async (request, context) => {
      const response = await handle(request, context);
      await refresh();
      return response;
    };
  });
}

/** Keeps the methods that change nothing. All others answer that the node has the role `decision`. */
export function keepReads({ definition, handlers }: UnaryService): UnaryService {
  const rejecting = lackService(definition).handlers;
  const reading = Object.entries(handlers).filter(([method]) => isReadOnly({ definition }, method));
  return { definition, handlers: { ...rejecting, ...Object.fromEntries(reading) } };
}

/** A service that a node of the role `decision` lacks: all of its methods say so. It is not listed. */
export function lackService(definition: UnaryService['definition']): UnaryService {
  const handlers = Object.keys(definition).map((method) => [method, rejectOnDecisionNode] as const);
  return { definition, handlers: Object.fromEntries(handlers), isLacking: true };
}

function rejectOnDecisionNode(): Promise<never> {
  return Promise.reject(new ApiError({ kind: 'not_on_decision_nodes' }));
}

/** Wraps each handler of a service. */
export function mapHandlers(
  { definition, handlers }: UnaryService,
  wrap: (method: string, handle: AnyHandler) => AnyHandler,
): UnaryService {
  const wrapped = Object.entries(handlers).map(([method, handle]) => [method, wrap(method, handle)] as const);
  return { definition, handlers: Object.fromEntries(wrapped) };
}

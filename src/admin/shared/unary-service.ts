import { isDatabaseUnavailable } from '../../database/database-errors.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { CallContext } from './call-context.ts';
import { READ_ONLY_METHODS } from './read-only-methods.ts';

/** A method of a service definition that ts-proto generates for grpc-js. */
interface MethodDefinition {
  /** `/package.Service/Method`. */
  readonly path: string;
  requestDeserialize(bytes: Buffer): unknown;
  responseDeserialize(bytes: Buffer): unknown;
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
type AnyHandler = (request: never, context: CallContext) => Promise<unknown>;

/** A service definition of ts-proto, and handlers by method name. A method without a handler is UNIMPLEMENTED. */
export interface UnaryService {
  readonly definition: Readonly<Record<string, Pick<MethodDefinition, 'path'>>>;
  readonly handlers: Readonly<Record<string, AnyHandler>>;
}

/** Whether the protos mark a method of the service as free of side effects. */
export function isReadOnly({ definition }: Pick<UnaryService, 'definition'>, method: string): boolean {
  return READ_ONLY_METHODS.has(definition[method]?.path ?? '');
}

/** Throws `unavailable` for errors of handlers that mean that Postgres cannot be reached. */
export function mapDatabaseErrors(service: UnaryService): UnaryService {
  return mapHandlers(
    service,
    (_, handle) => (request, context) =>
      handle(request, context).catch((error: unknown) => {
        if (isDatabaseUnavailable(error)) throw new ApiError({ kind: 'unavailable' }, { cause: error });
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

function mapHandlers(
  { definition, handlers }: UnaryService,
  wrap: (method: string, handle: AnyHandler) => AnyHandler,
): UnaryService {
  const wrapped = Object.entries(handlers).map(([method, handle]) => [method, wrap(method, handle)] as const);
  return { definition, handlers: Object.fromEntries(wrapped) };
}

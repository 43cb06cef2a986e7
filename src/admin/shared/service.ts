import { isDatabaseUnavailable } from '../../database/database-errors.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { CallContext } from '../../interfaces/call-context.ts';

/** A method as ts-proto describes it to grpc-js. */
interface MethodDefinition {
  requestDeserialize(bytes: Buffer): unknown;
  responseDeserialize(bytes: Buffer): unknown;
}

/** One handler per method of a service; each resolves to the response or throws, ProblemError if the caller may know. */
export type Handlers<Service> = {
  readonly [Method in keyof Service]: Service[Method] extends MethodDefinition
    ? (
        request: ReturnType<Service[Method]['requestDeserialize']>,
        context: CallContext,
      ) => Promise<ReturnType<Service[Method]['responseDeserialize']>>
    : never;
};

/** A handler of whichever method: its request is of the type that its definition decodes. */
export type AnyHandler = (request: never, context: CallContext) => Promise<unknown>;

/** Tells the caller that the database is away, where that is what a handler failed of. */
export function mapDatabaseErrors(handlers: object): Record<string, AnyHandler> {
  const entries: [string, AnyHandler][] = Object.entries(handlers);
  return Object.fromEntries(
    entries.map(([name, handle]) => [
      name,
      (request, context) =>
        handle(request, context).catch((error: unknown) => {
          if (isDatabaseUnavailable(error)) throw new ApiError({ kind: 'unavailable' }, { cause: error });
          throw error;
        }),
    ]),
  );
}

/** Methods that only read, by the names that https://google.aip.dev/130 gives them. */
const READING = /^(get|list)/;

/**
 * Has every change known to this node's decisions before its caller hears of it: whoever makes a key may use it at once.
 * `refresh` does not reject, because the change is made whether or not this node can read it yet.
 */
export function refreshBeforeReply(
  handlers: Readonly<Record<string, AnyHandler>>,
  refresh: () => Promise<void>,
): Record<string, AnyHandler> {
  const entries = Object.entries(handlers).map(([name, handle]): [string, AnyHandler] => {
    if (READING.test(name)) return [name, handle];
    return [
      name,
      async (request, context) => {
        const response = await handle(request, context);
        await refresh();
        return response;
      },
    ];
  });
  return Object.fromEntries(entries);
}

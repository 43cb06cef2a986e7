import { ProblemError } from '../core/problem.ts';
import { isDatabaseAway } from '../database/away.ts';

/** What a handler may know of a call beside its request. */
export interface CallContext {
  /** The caller's x-request-id, else made. */
  readonly requestId: string;
  /** The header of that name. */
  readonly authorization: string | undefined;
}

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
export function tellingWhenAway(handlers: object): Record<string, AnyHandler> {
  const entries: [string, AnyHandler][] = Object.entries(handlers);
  return Object.fromEntries(
    entries.map(([name, handle]) => [
      name,
      (request, context) =>
        handle(request, context).catch((error: unknown) => {
          if (isDatabaseAway(error)) throw new ProblemError({ kind: 'unavailable' }, { cause: error });
          throw error;
        }),
    ]),
  );
}

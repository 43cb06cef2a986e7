import { RedisStore, type RedisStoreOptions } from '../../../src/counters/redis/redis-store.ts';
import { type Decision, type Outcome, StoreUnavailable } from '../../../src/decide/ports.ts';
import { waitUntil } from '../../support/wait-until.ts';

export interface OpenedStore {
  readonly store: RedisStore;
  /** Lines of the log: the message, then the fields in JSON. */
  readonly log: readonly string[];
}

/** Opens a store with a long deadline, as machines that run tests are busy. */
export function openStore(options: Partial<RedisStoreOptions> & { readonly url: string }): OpenedStore {
  const log: string[] = [];
  const warn = (fields: object, message: string) => void log.push(`${message} ${JSON.stringify(fields)}`);
  return { store: new RedisStore({ deadlineMs: 500, logger: { info: () => undefined, warn }, ...options }), log };
}

/** Opens a store and waits until it answers these decisions, which should be peeks. */
export async function openAnsweringStore(
  options: Partial<RedisStoreOptions> & { readonly url: string },
  peeks: readonly Decision[],
): Promise<OpenedStore> {
  const opened = openStore(options);
  await waitUntil(() => isAnswering(opened.store, peeks));
  return opened;
}

/** Returns the outcomes. Rejects with the first StoreUnavailable, if there is one. */
export async function decideAll(store: RedisStore, decisions: readonly Decision[]): Promise<readonly Outcome[]> {
  return (await store.decide(decisions, undefined)).map((outcome) => {
    if (outcome instanceof StoreUnavailable) throw outcome;
    return outcome;
  });
}

export async function isAnswering(store: RedisStore, peeks: readonly Decision[]): Promise<boolean> {
  return decideAll(store, peeks).then(
    () => true,
    () => false,
  );
}

export function countGranted(outcomes: readonly Outcome[]): number {
  return outcomes.filter((outcome) => outcome.granted).length;
}

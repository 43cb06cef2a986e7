import { RedisStore, type RedisStoreOptions } from '../../../src/counters/redis/redis-store.ts';
import { type Decision, type Outcome, StoreUnavailable } from '../../../src/decide/ports.ts';
import { becomesTrue } from './waiting.ts';

export interface OpenedStore {
  readonly store: RedisStore;
  /** Lines, each with its fields behind it in JSON. */
  readonly log: readonly string[];
}

/** Patient, as machines that run tests are busy. */
export function openStore(options: Partial<RedisStoreOptions> & { readonly url: string }): OpenedStore {
  const log: string[] = [];
  const warn = (fields: object, message: string) => void log.push(`${message} ${JSON.stringify(fields)}`);
  return { store: new RedisStore({ deadlineMs: 500, logger: { warn }, ...options }), log };
}

/** Once it answers for these decisions, which should look and not charge. */
export async function openStoreThatAnswers(
  options: Partial<RedisStoreOptions> & { readonly url: string },
  looks: readonly Decision[],
): Promise<OpenedStore> {
  const opened = openStore(options);
  await becomesTrue(() => answers(opened.store, looks));
  return opened;
}

/** The outcomes when there is one of every decision; rejects with the first StoreUnavailable otherwise. */
export async function decided(store: RedisStore, decisions: readonly Decision[]): Promise<readonly Outcome[]> {
  return (await store.decide(decisions)).map((outcome) => {
    if (outcome instanceof StoreUnavailable) throw outcome;
    return outcome;
  });
}

export async function answers(store: RedisStore, looks: readonly Decision[]): Promise<boolean> {
  return decided(store, looks).then(
    () => true,
    () => false,
  );
}

export function granted(outcomes: readonly Outcome[]): number {
  return outcomes.filter((outcome) => outcome.granted).length;
}

import type { AdminCounter, CounterAccess, CounterSnapshot } from '../../domain/counting/counter-admin.ts';

export interface PeekedCounter {
  readonly counter: AdminCounter;
  readonly snapshot: CounterSnapshot;
}

/** Reads counters without a charge, in their order. Undefined while the counters of all nodes are unavailable. */
export async function peekCounters(
  access: CounterAccess,
  counters: readonly AdminCounter[],
): Promise<readonly PeekedCounter[] | undefined> {
  const snapshots = await access.peek(counters);
  if (snapshots === undefined) return undefined;
  if (snapshots.length !== counters.length) {
    throw new Error(`${counters.length} counters were read, but ${snapshots.length} snapshots returned`);
  }
  return counters.flatMap((counter, index) => {
    const snapshot = snapshots[index];
    return snapshot === undefined ? [] : { counter, snapshot }; // never undefined: the lengths are equal
  });
}

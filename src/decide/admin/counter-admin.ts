import { elementAt } from '../../collections/element-at.ts';
import type {
  AdminCounter,
  CounterAccess,
  CounterAdmin,
  CounterChange,
  CounterReading,
  CounterSelection,
} from '../../domain/counting/counter-admin.ts';

/** Answers the questions of the admin plane about counters. */
export function createCounterAdmin(access: CounterAccess): CounterAdmin {
  return {
    async read(selection) {
      const selected = select(access, selection);
      return 'kind' in selected ? selected : readCounters(access, selected.filter(isCurrent));
    },
    async change(selection, change) {
      const selected = select(access, selection);
      if ('kind' in selected) return selected;
      const current = selected.filter(isCurrent);
      const isChanged = await access.change(freesHits(change) ? selected : current, change);
      return isChanged ? readCounters(access, current) : { kind: 'unavailable' };
    },
  };
}

/** Whether the limit is one of today's. Those that an edit has superseded are not shown. */
function isCurrent({ isSuperseded }: AdminCounter): boolean {
  return isSuperseded !== true;
}

/** Whether the change lets requests pass. They would still be rejected by the superseded limits otherwise. */
function freesHits({ kind }: CounterChange): boolean {
  return kind === 'reset' || kind === 'unblock';
}

/** The counters that a selection names, at least one, or the reason why there are none. */
function select(
  access: CounterAccess,
  { selector, limit }: CounterSelection,
): readonly AdminCounter[] | CounterReading {
  const counters = access.find(selector);
  if (counters === undefined) return { kind: 'unknown_subject' };
  const selected =
    limit === '' ? counters : counters.filter((counter) => counter.limit.name === limit || counter.label === limit);
  return selected.length > 0
    ? selected
    : { kind: 'unknown_limit', labels: counters.filter(isCurrent).map(({ label }) => label) };
}

async function readCounters(access: CounterAccess, counters: readonly AdminCounter[]): Promise<CounterReading> {
  const snapshots = await access.peek(counters);
  if (snapshots === undefined) return { kind: 'unavailable' };
  return {
    kind: 'read',
    counters: counters.map(({ label, limit }, index) => ({ label, limit, snapshot: elementAt(snapshots, index) })),
  };
}

import { type CounterStore, StoreUnavailable } from '../../src/decide/ports.ts';
import { formatDescriptorSubject, formatSubject } from '../../src/domain/counting/counter-subject.ts';
import type { CountedLimit } from '../../src/domain/limits/limit.ts';
import { parseLimit } from '../../src/domain/limits/parse-limit.ts';
import { generateCounterId } from '../../src/identity/secrets/api-key-secret.ts';

/** How full counters are: `hits` of a limit of `requests` a minute, in as many rounds, one every so many seconds. */
export interface Filling {
  readonly name: string;
  readonly requests: number;
  readonly hits: number;
  readonly rounds: number;
  readonly everySeconds: number;
}

export const FILLINGS: readonly Filling[] = [
  { name: '100 a minute, 10 hits, one every 6 s', requests: 100, hits: 10, rounds: 10, everySeconds: 6 },
  { name: '100 a minute, used up over 17 sub-buckets', requests: 100, hits: 100, rounds: 17, everySeconds: 3.75 },
  { name: '60 a minute, 10 hits, one every 6 s', requests: 60, hits: 10, rounds: 10, everySeconds: 6 },
  { name: '60 a minute, used up, one hit each second', requests: 60, hits: 60, rounds: 60, everySeconds: 1 },
];

/** Subjects as plans and rules name them (decide/check/credential-charges.ts, decide/rate-limit/prepare-rate-limit.ts), and what their limits are called. */
export interface Naming {
  readonly name: string;
  readonly limitName: string;
  readonly subject: (place: number) => string;
}

export const KEY_NAMING: Naming = {
  name: 'API key',
  limitName: 'burst',
  subject: () => formatSubject('key', generateCounterId()),
};

export const NAMINGS: readonly Naming[] = [
  KEY_NAMING,
  {
    name: 'rule by address',
    limitName: '1m',
    subject: (place) =>
      formatDescriptorSubject('edge', [
        { key: 'remote_address', value: `203.${place >> 16}.${(place >> 8) & 255}.${place & 255}` },
      ]),
  },
];

/** On a sub-bucket's begin, so that no round falls into the one before. */
const BEGINS = Date.UTC(2026, 0, 1) * 1000;
const MICROSECONDS = 1_000_000;
const BATCH = 256;

/**
 * Fills a counter for each subject, round after round as traffic does: filled one after another, counters would never be
 * seen to grow. `setClock` takes µs since 1970.
 */
export async function fill(
  store: CounterStore,
  setClock: (time: number) => Promise<void> | void,
  subjects: readonly string[],
  filling: Filling,
  limitName: string,
): Promise<void> {
  const limit = limitOf(filling, limitName);
  const { hits, rounds, everySeconds } = filling;
  for (let round = 0; round < rounds; round++) {
    await setClock(BEGINS + round * everySeconds * MICROSECONDS);
    const asked = Math.floor(((round + 1) * hits) / rounds) - Math.floor((round * hits) / rounds);
    for (let first = 0; first < subjects.length; first += BATCH) {
      const batch = subjects.slice(first, first + BATCH);
      const outcomes = await store.decide(batch.map((subject) => ({ charges: [{ subject, limit, hits: asked }] })));
      for (const outcome of outcomes) {
        if (outcome instanceof StoreUnavailable) throw outcome;
        if (!outcome.granted) throw new Error(`${filling.name}: round ${round} does not fit`);
      }
    }
  }
}

function limitOf({ requests }: Filling, name: string): CountedLimit {
  const limit = parseLimit({ name, requests, window: '1m', algorithm: 'sliding_window' });
  if ('faults' in limit || limit.algorithm === 'unlimited') throw new Error('the limit is no limit');
  return limit;
}

import { type CounterStore, StoreUnavailable } from '../../src/decide/ports.ts';
import { formatDescriptorSubject, formatSubject } from '../../src/domain/counting/counter-subject.ts';
import type { CountedLimit } from '../../src/domain/limits/limit.ts';
import { parseLimit } from '../../src/domain/limits/parse-limit.ts';
import { generateCounterId } from '../../src/identity/secrets/api-key-secret.ts';

/** How full counters are: `hits` of a limit of `requests` a minute, charged in `rounds`, one every `everySeconds`. */
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

/**
 * How counters are named. The subjects have the form that src/decide/check/credential-charges.ts gives them for plans
 * and src/decide/rate-limit/prepare-rate-limit.ts for rules.
 */
export interface Naming {
  readonly name: string;
  readonly limitName: string;
  /** Creates the subject of the counter with this index. */
  readonly createSubject: (index: number) => string;
}

export const API_KEY_NAMING: Naming = {
  name: 'API key',
  limitName: 'burst',
  createSubject: () => formatSubject('key', generateCounterId()),
};

export const NAMINGS: readonly Naming[] = [
  API_KEY_NAMING,
  {
    name: 'rule by address',
    limitName: '1m',
    createSubject: (index) =>
      formatDescriptorSubject('edge', [
        { key: 'remote_address', value: `203.${index >> 16}.${(index >> 8) & 255}.${index & 255}` },
      ]),
  },
];

/** Time of the first round in µs since 1970. A sub-bucket begins then, so no round falls into the one before. */
const START_MICROS = Date.UTC(2026, 0, 1) * 1000;
const MICROS_PER_SECOND = 1_000_000;
const BATCH_SIZE = 256;

/**
 * Fills a counter for each subject. All counters grow in step, round by round, like under real traffic. If they were
 * filled one after the other, the store would never have many counters that grow. `setClock` takes µs since 1970.
 */
export async function fillCounters(
  store: CounterStore,
  setClock: (time: number) => Promise<void> | void,
  subjects: readonly string[],
  filling: Filling,
  limitName: string,
): Promise<void> {
  const limit = createLimit(filling, limitName);
  const { rounds, everySeconds } = filling;
  for (let round = 0; round < rounds; round++) {
    await setClock(START_MICROS + round * everySeconds * MICROS_PER_SECOND);
    const hits = countHitsThrough(filling, round) - countHitsThrough(filling, round - 1);
    for (let first = 0; first < subjects.length; first += BATCH_SIZE) {
      const batch = subjects.slice(first, first + BATCH_SIZE);
      const outcomes = await store.decide(
        batch.map((subject) => ({ charges: [{ subject, limit, hits }] })),
        undefined,
      );
      for (const outcome of outcomes) {
        if (outcome instanceof StoreUnavailable) throw outcome;
        if (!outcome.granted) throw new Error(`${filling.name}: round ${round} must fit the limit`);
      }
    }
  }
}

/** Hits of all rounds up to and including this one. */
function countHitsThrough({ hits, rounds }: Filling, round: number): number {
  return Math.floor(((round + 1) * hits) / rounds);
}

function createLimit({ requests }: Filling, name: string): CountedLimit {
  const limit = parseLimit({ name, requests, window: '1m', algorithm: 'sliding_window' });
  if ('faults' in limit || limit.algorithm === 'unlimited') throw new Error('limit: must be valid');
  return limit;
}

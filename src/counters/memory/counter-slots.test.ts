import { describe, expect, it } from 'vitest';
import { makeCharge, makeLimit, NOON } from '../../../test/counters/model/builders.ts';
import { NONE } from '../../collections/hash-index.ts';
import { CounterSlots } from './counter-slots.ts';
import { MemoryStore } from './memory-store.ts';

const SLOTS = 4096;
const limit = makeLimit(1000, '60s');

function openStore(): MemoryStore {
  return new MemoryStore({ now: () => NOON, maxCounters: 100_000, source: 'memory' });
}

function chargeEach(store: MemoryStore, subjects: readonly string[]): void {
  store.decide([{ charges: subjects.map((subject) => makeCharge(subject, limit)) }]);
}

function countHits(store: MemoryStore, subject: string): number {
  return store.countedHits(makeCharge(subject, limit, 0));
}

describe('the slots of counters in memory', () => {
  const all = Array.from({ length: SLOTS }, (_, index) => `subject ${index}`);

  it('are not taken from a counter that the same decision charges, if all are in use', () => {
    const store = openStore();
    for (const subject of [...all, ...all]) chargeEach(store, [subject]);
    chargeEach(store, ['new', 'subject 0']);
    expect(['new', 'subject 0'].map((subject) => countHits(store, subject))).toEqual([1, 3]);
  });

  it('are not shared by two counters of a decision, if all are in use and one is packed', () => {
    const store = openStore();
    for (const subject of [...all, 'last', ...all.slice(1), 'last']) chargeEach(store, [subject]);
    chargeEach(store, ['subject 1', 'subject 0']);
    expect(['subject 1', 'subject 0'].map((subject) => countHits(store, subject))).toEqual([3, 2]);
  });

  it('lose no hit of many more subjects, in turn and with some that come often', () => {
    const store = openStore();
    const expected = new Map<string, number>();
    for (let index = 0; index < 20_000; index++) {
      const subject = `subject ${index < 10_000 ? index % 5000 : (index * 7919) % (index % 2 === 0 ? 5000 : 50)}`;
      chargeEach(store, [subject]);
      expected.set(subject, (expected.get(subject) ?? 0) + 1);
    }
    for (const [subject, hits] of expected) expect(countHits(store, subject)).toBe(hits);
  });

  it('go to another set of subjects once that is in use instead', () => {
    const slots = new CounterSlots();
    const tableLimit = { identity: '', id: 1, spec: LIMIT_SPEC, counters: 0 };
    const indexes = new Map<number, number>();
    const use = (record: number) => {
      slots.beginDecision();
      const known = indexes.get(record);
      if (known !== undefined) return slots.recordUse(slots.at(known));
      const index = slots.findFree();
      indexes.delete(slots.get(index)?.record ?? NONE);
      slots.assign(index, tableLimit, record);
      indexes.set(record, index);
    };
    for (let record = 0; record < 10 * SLOTS; record++) use(record);
    for (let round = 0; round < 50; round++) for (let record = 0; record < 1000; record++) use(-record - 2);
    const kept = Array.from({ length: 1000 }, (_, record) => indexes.has(-record - 2)).filter(Boolean);
    expect(kept.length).toBeGreaterThan(900);
  });
});

const LIMIT_SPEC = { kind: 'credits', requests: 0, blockMicros: 0 } as const;

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ChargeOutcome, CounterStore, Decision, Outcome } from '../../src/decide/ports.ts';
import { describeCalendar } from './contract-calendar.ts';
import { describeDecisions } from './contract-decisions.ts';
import { describeSlidingWindow } from './contract-sliding-window.ts';
import { NOON } from './traces.ts';

/** A store whose clock stands until the test moves it. */
export interface ClockedStore {
  readonly store: CounterStore;
  /** µs since 1970. */
  setClock(now: number): Promise<void>;
  close(): Promise<void>;
}

/** What a contract test works with: the store under test at a time of its own choosing. */
export interface Bench {
  now: number;
  /** A subject that no other test uses. */
  subject(name?: string): string;
  /** Decides at `now`. */
  decide(...decisions: readonly Decision[]): Promise<readonly Outcome[]>;
  decideOne(...charges: Decision['charges']): Promise<Outcome>;
  /** The only charge's outcome. */
  charge(charge: Decision['charges'][number]): Promise<ChargeOutcome>;
}

/** What every CounterStore does. Each store's test calls it. */
export function describeCounterStore(name: string, open: () => Promise<ClockedStore>): void {
  describe(name, () => {
    let opened: ClockedStore;
    let tests = 0;
    const bench: Bench = {
      now: NOON,
      subject: (subject = 'key') => `${subject}|${tests}`,
      decide: async (...decisions) => {
        await opened.setClock(bench.now);
        return opened.store.decide(decisions);
      },
      decideOne: async (...charges) => {
        const [outcome] = await bench.decide({ charges });
        if (outcome === undefined) throw new Error('the store gave no outcome');
        return outcome;
      },
      charge: async (charge) => {
        const [outcome] = (await bench.decideOne(charge)).charges;
        if (outcome === undefined) throw new Error('the store gave no outcome of the charge');
        return outcome;
      },
    };

    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened.close());
    beforeEach(() => {
      tests++;
      bench.now = NOON;
    });

    it('answers nothing to no decisions', async () => {
      expect(await bench.decide()).toEqual([]);
    });
    describeSlidingWindow(bench);
    describeCalendar(bench);
    describeDecisions(bench);
  });
}

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Charge,
  type ChargeOutcome,
  type Correction,
  type CounterStore,
  type Decision,
  type Outcome,
  type Receipt,
  StoreUnavailable,
} from '../../../src/decide/ports.ts';
import { createReceipt } from '../../../src/decide/receipts/receipt.ts';
import { NOON } from '../model/traces.ts';
import { describeBlockFor } from './block-for.ts';
import { describeCalendar } from './calendar.ts';
import { describeConcurrency } from './concurrency.ts';
import { describeCorrections } from './corrections.ts';
import { describeDecisions } from './decisions.ts';
import { describeFixedWindow } from './fixed-window.ts';
import { describeReceipts } from './receipts.ts';
import { describeSettlements } from './settlements.ts';
import { describeSlidingWindow } from './sliding-window.ts';
import { describeTokenBucket } from './token-bucket.ts';

/** A store whose clock stands until the test moves it. */
export interface ClockedStore {
  readonly store: CounterStore;
  /** µs since 1970. */
  setClock(now: number): Promise<void>;
  close(): Promise<void>;
}

/** What a contract test works with: the store under test at a time of its own choosing. */
export interface StoreHarness {
  now: number;
  /** A subject that no other test uses. */
  subject(name?: string): string;
  /** Decides at `now`. */
  decide(...decisions: readonly Decision[]): Promise<readonly Outcome[]>;
  decideOne(...charges: readonly Charge[]): Promise<Outcome>;
  /** The only charge's outcome. */
  charge(charge: Charge): Promise<ChargeOutcome>;
  /** The receipt, with an id of its own, of a decision that must be granted. */
  takeReceipt(...charges: readonly Charge[]): Promise<Receipt>;
  /** Gives back at `now`; hits that are free again, for each receipt, undefined of one that is not good any more. */
  refund(...receipts: readonly Receipt[]): Promise<readonly (number | undefined)[]>;
  /** Changes counters by hand at `now`; each must be done. */
  correct(...corrections: readonly Correction[]): Promise<void>;
}

/** What every CounterStore does, and what only some do. Each store's test calls it. */
export function describeCounterStore(
  name: string,
  open: () => Promise<ClockedStore>,
  describeMore: (bench: StoreHarness) => void = () => undefined,
): void {
  describe(name, () => {
    let opened: ClockedStore;
    let tests = 0;
    let receipts = 0;
    const bench: StoreHarness = {
      now: NOON,
      subject: (subject = 'key') => `${subject}|${tests}`,
      decide: async (...decisions) => {
        await opened.setClock(bench.now);
        return (await opened.store.decide(decisions)).map(requireAnswer);
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
      takeReceipt: async (...charges) => {
        const outcome = await bench.decideOne(...charges);
        if (!outcome.granted) throw new Error('a decision was refused that the test needs to be granted');
        return createReceipt(`receipt-${++receipts}`, charges, outcome);
      },
      refund: async (...given) => {
        await opened.setClock(bench.now);
        return (await opened.store.refund(given)).map(requireAnswer);
      },
      correct: async (...corrections) => {
        await opened.setClock(bench.now);
        (await opened.store.correct(corrections)).map(requireAnswer);
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

    it('answers nothing to no decisions and no receipts', async () => {
      expect(await bench.decide()).toEqual([]);
      expect(await bench.refund()).toEqual([]);
    });
    describeSlidingWindow(bench);
    describeFixedWindow(bench);
    describeTokenBucket(bench);
    describeCalendar(bench);
    describeConcurrency(bench);
    describeBlockFor(bench);
    describeCorrections(bench);
    describeSettlements(bench);
    describeReceipts(bench);
    describeDecisions(bench);
    describeMore(bench);
  });
}

/** The answer, if there is one. */
export function requireAnswer<T>(answer: T | StoreUnavailable): T {
  if (answer instanceof StoreUnavailable) throw answer;
  return answer;
}

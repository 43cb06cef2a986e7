import { afterAll, beforeAll, beforeEach } from 'vitest';
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
import { NOON } from '../model/builders.ts';

/** A store whose clock the test sets. */
export interface ClockedStore {
  readonly store: CounterStore;
  /** µs since 1970. */
  setClock(now: number): Promise<void>;
  close(): Promise<void>;
}

/** The store under test, at a time that the test chooses. */
export interface StoreHarness {
  /** Time of the next calls, in µs since 1970. Each test starts at NOON. */
  now: number;
  /** Returns a subject that no other test uses. */
  subject(name?: string): string;
  decide(...decisions: readonly Decision[]): Promise<readonly Outcome[]>;
  decideOne(...charges: readonly Charge[]): Promise<Outcome>;
  /** Decides a decision of one charge. */
  charge(charge: Charge): Promise<ChargeOutcome>;
  /** Decides a decision that the test needs to be granted. Returns its receipt, with an id of its own. */
  grant(...charges: readonly Charge[]): Promise<Receipt>;
  /** Returns for each receipt the hits that are free again. undefined: the receipt is not valid any more. */
  refund(...receipts: readonly Receipt[]): Promise<readonly (number | undefined)[]>;
  correct(...corrections: readonly Correction[]): Promise<void>;
}

/**
 * Returns a harness for the tests of the describe block that calls this. The store is opened before the first and
 * closed after the last of them. A call throws where the store is unavailable.
 */
export function createStoreHarness(open: () => Promise<ClockedStore>): StoreHarness {
  let opened: ClockedStore;
  let tests = 0;
  let receipts = 0;
  const harness: StoreHarness = {
    now: NOON,
    subject: (subject = 'key') => `${subject}|${tests}`,
    decide: async (...decisions) => {
      await opened.setClock(harness.now);
      return (await opened.store.decide(decisions, undefined)).map(requireAnswer);
    },
    decideOne: async (...charges) => {
      const [outcome] = await harness.decide({ charges });
      if (outcome === undefined) throw new Error('the store gave no outcome');
      return outcome;
    },
    charge: async (charge) => {
      const [outcome] = (await harness.decideOne(charge)).charges;
      if (outcome === undefined) throw new Error('the store gave no outcome of the charge');
      return outcome;
    },
    grant: async (...charges) => {
      const outcome = await harness.decideOne(...charges);
      if (!outcome.granted) throw new Error('the store rejected a decision that the test needs to be granted');
      return createReceipt(`receipt-${++receipts}`, charges, outcome);
    },
    refund: async (...given) => {
      await opened.setClock(harness.now);
      return (await opened.store.refund(given)).map(requireAnswer);
    },
    correct: async (...corrections) => {
      await opened.setClock(harness.now);
      (await opened.store.correct(corrections)).map(requireAnswer);
    },
  };
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(() => opened.close());
  beforeEach(() => {
    tests++;
    harness.now = NOON;
  });
  return harness;
}

/** Throws the StoreUnavailable that a store answered with. */
export function requireAnswer<Answer>(answer: Answer | StoreUnavailable): Answer {
  if (answer instanceof StoreUnavailable) throw answer;
  return answer;
}

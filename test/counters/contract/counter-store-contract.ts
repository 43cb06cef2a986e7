import { describe, expect, it } from 'vitest';
import { describeBlockFor } from './block-for.ts';
import { describeCalendar } from './calendar.ts';
import { describeConcurrency } from './concurrency.ts';
import { describeCorrections } from './corrections.ts';
import { describeCredits } from './credits.ts';
import { describeDecisions } from './decisions.ts';
import { describeFixedWindow } from './fixed-window.ts';
import { describeReceipts } from './receipts.ts';
import { describeRejectedCharges } from './rejected-charges.ts';
import { describeSettlements } from './settlements.ts';
import { describeSlidingWindow } from './sliding-window.ts';
import { type ClockedStore, createStoreHarness, type StoreHarness } from './store-harness.ts';
import { describeTokenBucket } from './token-bucket.ts';

/**
 * Specifies a counter store. The test of each store calls this. `describeMore` adds tests for what only some stores do.
 */
export function describeCounterStore(
  name: string,
  open: () => Promise<ClockedStore>,
  describeMore: (harness: StoreHarness) => void = () => undefined,
): void {
  describe(name, () => {
    const harness = createStoreHarness(open);

    it('answers no decisions and no receipts with no results', async () => {
      expect(await harness.decide()).toEqual([]);
      expect(await harness.refund()).toEqual([]);
    });
    describeSlidingWindow(harness);
    describeFixedWindow(harness);
    describeTokenBucket(harness);
    describeCalendar(harness);
    describeConcurrency(harness);
    describeCredits(harness);
    describeBlockFor(harness);
    describeCorrections(harness);
    describeSettlements(harness);
    describeRejectedCharges(harness);
    describeReceipts(harness);
    describeDecisions(harness);
    describeMore(harness);
  });
}

import { elementAt } from '../collections/element-at.ts';
import type { DecidedBatch } from '../decide/decide-batch.ts';
import {
  type CounterStore,
  type Decision,
  type DecisionResult,
  type Receipt,
  StoreUnavailable,
  type UsageTally,
} from '../decide/ports.ts';
import type { ShadowDecision } from '../decide/prepared-decision.ts';
import { findSettledUsage } from '../decide/receipts/receipt-usage.ts';
import { type Redemption, redeem } from '../decide/receipts/redeem.ts';
import { checkResults } from '../decide/store-answers.ts';
import type { Logger } from '../interfaces/logger.ts';
import type { Tally } from './tally.ts';

export interface FollowUpOptions {
  readonly store: CounterStore;
  readonly tally: Pick<Tally, 'countShadow' | 'countReceipt'>;
  /** Counts settlements for customers and billing. */
  readonly usage: Pick<UsageTally, 'settle'>;
  readonly log: Pick<Logger, 'error'>;
}

/** Starts the store calls that a decided batch leaves to do once all its calls are answered. Nobody waits for them. */
export function startFollowUps(decided: DecidedBatch<unknown>, options: FollowUpOptions): void {
  if (decided.refunds.length > 0) void refundGrants(decided.refunds, options);
  if (decided.redemptions.length > 0) void redeemReceipts(decided.redemptions, options);
  if (decided.shadows.length > 0) void decideShadows(decided.shadows, options);
  if (decided.chargesOfRejected.length > 0) void chargeRejected(decided.chargesOfRejected, options);
}

/** If the counters are unavailable, the hits stay charged: there is no caller left to report that to. */
export async function refundGrants(
  receipts: readonly Receipt[],
  { store, log }: Pick<FollowUpOptions, 'store' | 'log'>,
): Promise<void> {
  try {
    await store.refund(receipts);
  } catch (error) {
    log.error({ err: error }, 'refunding the grants of abandoned calls failed');
  }
}

async function redeemReceipts(redemptions: readonly Redemption[], options: FollowUpOptions): Promise<void> {
  const { store, tally, usage, log } = options;
  try {
    const results = await redeem(store, redemptions);
    for (const [index, redemption] of redemptions.entries()) {
      const result = elementAt(results, index);
      tally.countReceipt(redemption.use, result);
      const settled = result === 'done' ? findSettledUsage(redemption) : undefined;
      if (settled !== undefined) usage.settle(settled.owner, settled.hits);
    }
  } catch (error) {
    log.error({ err: error }, 'redeeming receipts failed');
  }
}

/** Of rejected requests, the store rejects these decisions, and charges what their limits charge to such requests. */
export async function chargeRejected(
  decisions: readonly Decision[],
  { store, log }: Pick<FollowUpOptions, 'store' | 'log'>,
): Promise<void> {
  try {
    await store.decide(decisions, undefined);
  } catch (error) {
    log.error({ err: error }, 'charging rejected requests failed');
  }
}

async function decideShadows(shadows: readonly ShadowDecision[], options: FollowUpOptions): Promise<void> {
  const { store, tally, log } = options;
  try {
    const results = checkResults(shadows, await store.decide(shadows, undefined));
    for (const [index, { rule }] of shadows.entries()) {
      tally.countShadow(rule, labelShadowResult(elementAt(results, index)));
    }
  } catch (error) {
    log.error({ err: error }, 'deciding rules in shadow mode failed');
  }
}

function labelShadowResult(result: DecisionResult): string {
  if (result instanceof StoreUnavailable) return 'unavailable';
  return result.granted ? 'ok' : 'would_deny';
}

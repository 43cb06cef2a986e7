import { elementAt } from '../collections/element-at.ts';
import type { DecidedBatch } from '../decide/decide-batch.ts';
import {
  type CounterStore,
  type Decision,
  type DecisionResult,
  type Receipt,
  StoreUnavailable,
} from '../decide/ports.ts';
import type { ShadowDecision } from '../decide/prepared-decision.ts';
import { type Redemption, redeem } from '../decide/receipts/redeem.ts';
import { checkResults } from '../decide/store-answers.ts';
import type { Logger } from '../interfaces/logger.ts';
import type { Tally } from './tally.ts';

export interface FollowUpOptions {
  readonly store: CounterStore;
  readonly tally: Pick<Tally, 'countShadow' | 'countReceipt'>;
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
async function refundGrants(receipts: readonly Receipt[], { store, log }: FollowUpOptions): Promise<void> {
  try {
    await store.refund(receipts);
  } catch (error) {
    log.error({ err: error }, 'refunding the grants of abandoned calls failed');
  }
}

async function redeemReceipts(redemptions: readonly Redemption[], options: FollowUpOptions): Promise<void> {
  const { store, tally, log } = options;
  try {
    const results = await redeem(store, redemptions);
    for (const [index, { use }] of redemptions.entries()) {
      tally.countReceipt(use, elementAt(results, index));
    }
  } catch (error) {
    log.error({ err: error }, 'redeeming receipts failed');
  }
}

/** The store rejects these decisions, and charges what their limits charge to rejected requests. */
async function chargeRejected(decisions: readonly Decision[], { store, log }: FollowUpOptions): Promise<void> {
  try {
    await store.decide(decisions);
  } catch (error) {
    log.error({ err: error }, 'charging rejected requests failed');
  }
}

async function decideShadows(shadows: readonly ShadowDecision[], options: FollowUpOptions): Promise<void> {
  const { store, tally, log } = options;
  try {
    const results = checkResults(shadows, await store.decide(shadows));
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

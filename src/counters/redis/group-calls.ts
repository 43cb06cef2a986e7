import {
  type Correction,
  type Decision,
  type DecisionResult,
  type Outcome,
  type Receipt,
  type RefundResult,
  StoreUnavailable,
} from '../../decide/ports.ts';
import { createReceipt, isRefundedIfRejected } from '../../decide/receipts/receipt.ts';
import type { StoreLogger } from '../../interfaces/logger.ts';
import { buildChargeBatches, type ChargeBatch } from './batch/charge-batch.ts';
import { parseOutcomes } from './batch/charge-reply.ts';
import { buildLateBatches, type LateCharge, type LateChargeState, parseLateStates } from './batch/late-batch.ts';
import { buildRefundBatches, parseRefunds, type RefundBatch } from './batch/refund-batch.ts';
import { buildCorrection } from './batch/script-arguments.ts';
import type { CountedReply } from './failover/counted-calls.ts';
import { Failover, type FailoverOptions } from './failover/failover.ts';
import { CHARGE_SCRIPT, CORRECT_SCRIPT, LATE_SCRIPT, REFUND_SCRIPT, type Script } from './lua/scripts.ts';
import { type Shards, SlotMigrating } from './topology/shards.ts';

/** Scripts that change counters. Tests replace them. */
export interface Scripts {
  readonly charge: Script;
  readonly refund: Script;
  readonly correct: Script;
  readonly late: Script;
}

/** The scripts that change counters. */
export const COUNTER_SCRIPTS: Scripts = {
  charge: CHARGE_SCRIPT,
  refund: REFUND_SCRIPT,
  correct: CORRECT_SCRIPT,
  late: LATE_SCRIPT,
};
export interface GroupCallsOptions {
  readonly shards: Shards;
  readonly scripts: Scripts;
  readonly keyPrefix: string;
  /** µs since 1970. */
  readonly now: () => number;
  readonly logger: StoreLogger;
  readonly failover: FailoverOptions;
}

/** A server that was silent for longer has most likely lost its connections. */
const LATE_CHARGE_PATIENCE_MS = 60_000;

/** Changes counters of one group (topology/shards.ts) at a time, in calls of bounded size. Records what servers granted. */
export class GroupCalls {
  readonly failover: Failover;
  readonly #scripts: Scripts;
  readonly #keyPrefix: string;
  readonly #now: () => number;

  constructor({ shards, scripts, keyPrefix, now, logger, failover }: GroupCallsOptions) {
    this.#scripts = scripts;
    this.#keyPrefix = keyPrefix;
    this.#now = now;
    this.failover = new Failover({
      ...failover,
      shards,
      keyPrefix,
      chargeLate: (group, charges) => this.chargeLate(group, charges),
      refund: (group, receipts) => this.refund(group, receipts, true),
      onError: (err) => logger.warn({ err }, 'counters: charging lost hits again failed'),
    });
  }

  /** `deadlineMs` replaces the deadline of the shards, in ms. */
  async decide(group: number, decisions: readonly Decision[], deadlineMs?: number): Promise<readonly DecisionResult[]> {
    const batches = buildChargeBatches(this.#keyPrefix, decisions, this.#now());
    const [only] = batches;
    if (batches.length === 1 && only !== undefined) return this.#decideBatch(only, group, deadlineMs);
    return (await Promise.all(batches.map((batch) => this.#decideBatch(batch, group, deadlineMs)))).flat();
  }

  async #decideBatch(
    batch: ChargeBatch,
    group: number,
    deadlineMs: number | undefined,
  ): Promise<readonly DecisionResult[]> {
    // Decisions without charges need no Redis.
    if (batch.keys.length === 0) return repeatForDecisions(batch, GRANTED);
    try {
      const onLateReply = (counted: CountedReply) => this.#refundLateGrants(batch, group, counted);
      return this.#readOutcomes(
        batch,
        group,
        await this.failover.calls.run(this.#scripts.charge, group, batch, { deadlineMs, onLateReply }),
      );
    } catch (error) {
      if (error instanceof SlotMigrating && batch.runs.length > 1)
        return this.#decideRunsSeparately(batch, group, deadlineMs);
      return repeatForDecisions(batch, asStoreUnavailable(error));
    }
  }

  /**
   * Refunds what a batch was granted whose callers have already heard that the store is unavailable. What they were
   * granted without the store is charged late.
   */
  #refundLateGrants(batch: ChargeBatch, group: number, counted: CountedReply): void {
    const outcomes = this.#readOutcomes(batch, group, counted).values();
    const receipts = batch.runs.flatMap(({ decisionCount, charges }) =>
      Array.from({ length: decisionCount }, () => {
        const outcome = outcomes.next().value;
        if (outcome === undefined || !outcome.granted) return [];
        return [createReceipt(undefined, charges, outcome, isRefundedIfRejected)];
      }).flat(),
    );
    if (receipts.length > 0) void this.refund(group, receipts);
  }

  #readOutcomes(batch: ChargeBatch, group: number, { reply, sequence, successor }: CountedReply): readonly Outcome[] {
    const outcomes = parseOutcomes(batch, reply);
    this.failover.recorder.recordOutcomes(group, batch, outcomes, sequence);
    if (successor !== undefined) this.failover.chargeAgain(group, successor);
    return outcomes;
  }

  /** While a slot migrates, scripts with one key succeed where scripts with more keys do not. */
  async #decideRunsSeparately(
    { runs }: ChargeBatch,
    group: number,
    deadlineMs: number | undefined,
  ): Promise<readonly DecisionResult[]> {
    const results = runs.map(({ decisionCount, charges }) =>
      this.decide(
        group,
        Array.from({ length: decisionCount }, () => ({ charges })),
        deadlineMs,
      ),
    );
    return (await Promise.all(results)).flat();
  }

  async correct(group: number, correction: Correction): Promise<StoreUnavailable | undefined> {
    const call = buildCorrection(this.#keyPrefix, correction, this.#now());
    try {
      await this.failover.calls.run(this.#scripts.correct, group, call);
      if (correction.change.kind === 'reset') this.failover.forget(correction);
      return undefined;
    } catch (error) {
      return asStoreUnavailable(error);
    }
  }

  /** Makes late charges, also while the group is held. Resolves in order. */
  async chargeLate(
    group: number,
    charges: readonly LateCharge[],
  ): Promise<readonly (LateChargeState | StoreUnavailable)[]> {
    let first = 0;
    const calls = buildLateBatches(this.#keyPrefix, charges, this.#now()).map(async (batch) => {
      const from = first;
      first += batch.chargeCount;
      const options = { patienceMs: LATE_CHARGE_PATIENCE_MS, isRepair: true };
      try {
        const { reply, sequence } = await this.failover.calls.run(this.#scripts.late, group, batch, options);
        const states = parseLateStates(batch, reply);
        this.failover.lateCharges.add(
          group,
          charges.slice(from, from + batch.chargeCount),
          sequence,
          performance.now(),
        );
        return states;
      } catch (error) {
        const unavailable = asStoreUnavailable(error);
        return Array.from({ length: batch.chargeCount }, () => unavailable);
      }
    });
    return (await Promise.all(calls)).flat();
  }

  /** Refunds receipts. Resolves in order. `isRepair`: also while the group is held. */
  async refund(group: number, receipts: readonly Receipt[], isRepair = false): Promise<readonly RefundResult[]> {
    let first = 0;
    const batches = buildRefundBatches(this.#keyPrefix, receipts, this.#now()).map((batch) => {
      const from = first;
      first += batch.receiptCount;
      return this.#refundBatch(batch, group, receipts.slice(from, first), isRepair);
    });
    return (await Promise.all(batches)).flat();
  }

  async #refundBatch(
    batch: RefundBatch,
    group: number,
    receipts: readonly Receipt[],
    isRepair: boolean,
  ): Promise<readonly RefundResult[]> {
    try {
      const { reply, sequence } = await this.failover.calls.run(this.#scripts.refund, group, batch, { isRepair });
      const results = parseRefunds(batch, reply);
      this.failover.recorder.recordRefunds(group, receipts, results, sequence);
      return results;
    } catch (error) {
      const unavailable = asStoreUnavailable(error);
      return Array.from({ length: batch.receiptCount }, () => unavailable);
    }
  }
}

const GRANTED: Outcome = { granted: true, source: 'redis', charges: [] };

/** Returns the same result for each decision of a batch. */
function repeatForDecisions({ runs }: ChargeBatch, result: DecisionResult): readonly DecisionResult[] {
  return runs.flatMap(({ decisionCount }) => Array.from({ length: decisionCount }, () => result));
}

/** Returns the error if it is a StoreUnavailable, and throws any other. */
function asStoreUnavailable(error: unknown): StoreUnavailable {
  if (error instanceof StoreUnavailable) return error;
  throw error;
}

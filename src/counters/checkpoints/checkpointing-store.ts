import { elementAt } from '../../collections/element-at.ts';
import {
  type Charge,
  type ChargeOutcome,
  type Correction,
  type CounterStore,
  type Decision,
  type DecisionResult,
  type MaybePromise,
  mapMaybe,
  type Receipt,
  type RefundResult,
  StoreUnavailable,
} from '../../decide/ports.ts';
import { mergeOutcomes } from '../../decide/store-answers.ts';
import { checkpointPeriod, isCheckpointed } from '../../domain/counting/checkpoint.ts';
import type { CounterChange } from '../../domain/counting/counter-admin.ts';
import { computeVirtualTag } from '../redis/batch/counter-key.ts';
import type { CheckpointLog } from './checkpoint-log.ts';
import type { ObservedCheckpoint } from './checkpoint-table.ts';
import type { CheckpointWriter } from './checkpoint-writer.ts';
import type { HeldTags } from './held-tags.ts';
import type { DemandedCounter } from './restore-on-demand.ts';

export interface CheckpointingStoreOptions {
  /** The counters that have checkpoints. */
  readonly store: CounterStore;
  readonly log: CheckpointLog;
  readonly writer: Pick<CheckpointWriter, 'replace'>;
  readonly held: HeldTags;
  /** Whether a decision on a counter with checkpoints has to wait until it is restored. */
  readonly isHeld: (counter: DemandedCounter) => boolean;
  /** µs since 1970. */
  readonly now: () => number;
  /** Called with the number of decisions that were not made because their counters are being restored. */
  readonly onHeld: (decisions: number) => void;
}

const HELD = new StoreUnavailable('the counters were lost and are being restored', 'restoring');

/**
 * Notes what the store answers about quotas that have checkpoints. While their counters are being restored, decisions on them
 * are unavailable, and so follow on_store_failure.
 */
export class CheckpointingStore implements CounterStore {
  readonly #options: CheckpointingStoreOptions;

  constructor(options: CheckpointingStoreOptions) {
    this.#options = options;
  }

  decide(decisions: readonly Decision[], waitMs: number | undefined): MaybePromise<readonly DecisionResult[]> {
    const { held, store, onHeld } = this.#options;
    if (held.size === 0) return this.#note(decisions, store.decide(decisions, waitMs));
    // All of them, not only the first: each is restored because it is asked about.
    const answered = decisions.map(({ charges }) => (charges.filter(this.#isHeld).length > 0 ? HELD : undefined));
    const open = decisions.filter((_, index) => answered[index] === undefined);
    if (open.length === decisions.length) return this.#note(decisions, store.decide(decisions, waitMs));
    onHeld(decisions.length - open.length);
    if (open.length === 0) return mergeOutcomes(answered, []);
    return mapMaybe(this.#note(open, store.decide(open, waitMs)), (results) => mergeOutcomes(answered, results));
  }

  /** Lowers what is known about the refunded counters. */
  async refund(receipts: readonly Receipt[]): Promise<readonly RefundResult[]> {
    const results = await this.#options.store.refund(receipts);
    for (const [index, { granted }] of receipts.entries()) {
      const refunded = elementAt(results, index);
      if (typeof refunded === 'number' && refunded > 0) this.#noteRefund(granted, refunded);
    }
    return results;
  }

  /**
   * Corrects the counters, and then their checkpoints. Counters of tags that are being restored are unavailable: a checkpoint
   * that was read before the correction would undo it.
   */
  async correct(corrections: readonly Correction[]): Promise<readonly (StoreUnavailable | undefined)[]> {
    const { store, writer } = this.#options;
    const answered = corrections.map((correction) => (this.#isLost(correction) ? HELD : undefined));
    const open = corrections.filter((_, index) => answered[index] === undefined);
    const openResults = await store.correct(open);
    const lowered = open.filter(
      (correction, index) => elementAt(openResults, index) === undefined && lowersCheckpoint(correction),
    );
    if (lowered.length > 0) await writer.replace(await this.#read(lowered));
    let next = 0;
    return answered.map((result) => result ?? elementAt(openResults, next++));
  }

  readonly #isHeld = ({ subject, limit }: Pick<Charge, 'subject' | 'limit'>): boolean =>
    isCheckpointed(limit) && this.#options.isHeld({ subject, limit });

  #isLost({ subject, limit }: Correction): boolean {
    return isCheckpointed(limit) && this.#options.held.isLost(computeVirtualTag(subject));
  }

  #note(
    decisions: readonly Decision[],
    results: MaybePromise<readonly DecisionResult[]>,
  ): MaybePromise<readonly DecisionResult[]> {
    return mapMaybe(results, (results) => {
      for (let index = 0; index < decisions.length; index++) {
        const result = elementAt(results, index);
        if (result instanceof StoreUnavailable) continue;
        // The refusal cache repeats what the store said before.
        if (result.source !== 'redis' && result.source !== 'memory') continue;
        const { charges } = elementAt(decisions, index);
        for (let i = 0; i < charges.length; i++) {
          const charge = elementAt(charges, i);
          if (isCheckpointed(charge.limit)) this.#noteCharge(charge, elementAt(result.charges, i));
        }
      }
      return results;
    });
  }

  #noteCharge(charge: Charge, outcome: ChargeOutcome): void {
    if (hidesUse(charge, outcome)) return;
    const { subject, limit } = charge;
    const { remaining, resetAfter, freeAt } = outcome;
    this.#options.log.note({ subject, limit, used: limit.requests - remaining, observedAt: freeAt - resetAfter });
  }

  #noteRefund(granted: Receipt['granted'], refunded: number): void {
    const { log, now } = this.#options;
    const time = now();
    for (const { charge, countsUntil } of granted) {
      if (!isCheckpointed(charge.limit) || countsUntil <= time) continue;
      // The sum of all charges. A quota outlasts the other limits, so its hits were refunded in any case.
      log.noteRefund(charge.subject, charge.limit, Math.min(charge.hits, refunded), time);
    }
  }

  /** Reads corrected counters. Those that the store does not say are left out: they stay as they were in the table. */
  async #read(corrections: readonly Correction[]): Promise<readonly ObservedCheckpoint[]> {
    const decisions = corrections.map(({ subject, limit }) => ({ charges: [{ subject, limit, hits: 0 }] }));
    const results = await this.#options.store.decide(decisions, undefined);
    return corrections.flatMap(({ subject, limit }, index): ObservedCheckpoint[] => {
      const result = elementAt(results, index);
      if (result instanceof StoreUnavailable) return [];
      const { remaining, freeAt, resetAfter, blockedFor } = elementAt(result.charges, 0);
      if (blockedFor !== undefined) return [];
      const observedAt = freeAt - resetAfter;
      const used = limit.requests - remaining;
      const { identity } = limit;
      return [{ subject, identity, ...checkpointPeriod(limit, observedAt), used, observedAt, refunded: 0 }];
    });
  }
}

/** Whether the outcome does not say how much the counter counts: it says 0 remaining while the counter is blocked. */
function hidesUse({ isSettlement }: Charge, { remaining, blockedFor }: ChargeOutcome): boolean {
  return blockedFor !== undefined || (isSettlement === true && remaining === 0);
}

/** Kinds of changes that lower what a counter counts. */
const LOWERING: readonly CounterChange['kind'][] = ['reset', 'add_credits'];

function lowersCheckpoint({ limit, change }: Correction): boolean {
  return isCheckpointed(limit) && LOWERING.includes(change.kind);
}

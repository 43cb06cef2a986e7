import { setTimeout as sleep } from 'node:timers/promises';
import { elementAt } from '../../../collections/element-at.ts';
import { type Receipt, type RefundResult, StoreUnavailable } from '../../../decide/ports.ts';
import { isCheckpointed } from '../../../domain/counting/checkpoint.ts';
import type { LateCharge, LateChargeState } from '../batch/late-batch.ts';
import type { GrantHistory } from '../history/grant-history.ts';
import type { AcknowledgedHits, CounterName } from '../history/grant-page.ts';
import type { LateChargeHistory } from '../history/late-charge-history.ts';
import { epochOf, hasExecuted, type ServerHistory } from '../history/server-history.ts';
import type { CountersLostListener } from './counters-lost.ts';
import type { RepairTally } from './repair-tally.ts';

export interface LossRepairOptions {
  readonly grants: GrantHistory;
  readonly lateCharges: LateChargeHistory;
  /** Name of this node. No other node has it, not even one that ran before. */
  readonly node: string;
  /** Returns the tags of a group. */
  readonly tagsOf: (group: number) => readonly number[];
  /** Makes late charges although the group is held. Resolves in order; StoreUnavailable if one may not have been made. */
  readonly chargeLate: (
    group: number,
    charges: readonly LateCharge[],
  ) => Promise<readonly (LateChargeState | StoreUnavailable)[]>;
  /** Refunds receipts although the group is held. */
  readonly refund: (group: number, receipts: readonly Receipt[]) => Promise<readonly RefundResult[]>;
  readonly onCountersLost: CountersLostListener | undefined;
  readonly tally: RepairTally;
  readonly onError: (error: unknown) => void;
}

/** Decisions wait this long for this node's late charges. They are sent on in the background. */
const MAX_REPAIR_MS = 1000;
/** Decisions wait this long for a listener. */
const MAX_LISTENER_MS = 2000;
const RETRY_DELAY_MS = 50;
/** Late charges that could not be made for this long are given up. */
const MAX_RETRY_MS = 60_000;
/** Late charges on their way at once. */
const MAX_CHARGES_PER_WAVE = 4096;

/** Charges again what this node was granted by a server that has lost it. */
export class LossRepair {
  readonly #options: LossRepairOptions;
  #lastId = 0;
  #isClosed = false;

  constructor(options: LossRepairOptions) {
    this.#options = options;
  }

  /**
   * Resolves when everything that this node was granted is charged again, and the listener's promise has settled; or when
   * the time for that is over. undefined: there is nothing to do.
   */
  repair(group: number, history: ServerHistory, wasSeen: boolean): Promise<void> | undefined {
    const { tally, tagsOf, onCountersLost } = this.#options;
    const { kind, startedAt, sequence } = history;
    if (wasSeen) tally.losses[kind]++;
    const id = `${epochOf(sequence)}-${startedAt}`;
    const listened = onCountersLost?.({ id, tags: tagsOf(group), kind, wasSeen });
    const charged = this.chargeAgain(group, history);
    if (listened === undefined && charged === undefined) return undefined;
    return this.#waitFor(listened, charged);
  }

  /** Charges again what the server lacks. undefined: this node knows of nothing. */
  chargeAgain(group: number, history: ServerHistory): Promise<void> | undefined {
    const { grants, lateCharges, onCountersLost } = this.#options;
    // Their checkpoints have what they counted, these hits included.
    const isRestored = ({ limit }: CounterName) =>
      history.kind === 'empty' && onCountersLost !== undefined && isCheckpointed(limit);
    const isLost = (sequence: number) => !hasExecuted(history, sequence);
    const isCounted = ({ hitEnd }: AcknowledgedHits) => hitEnd === 0 || hitEnd > history.timeMicros;
    const now = performance.now();
    const lost = grants.takeLost(group, isLost, now).filter((each) => isCounted(each) && !isRestored(each));
    const charges = lost.filter(({ hits }) => hits > 0).map((each) => this.#toLateCharge(each));
    charges.push(...lateCharges.takeLost(group, isLost, now).filter((each) => !isRestored(each)));
    const receipts = lost.filter(({ hits }) => hits < 0).map((each) => toReceipt(each, history));
    if (charges.length === 0 && receipts.length === 0) return undefined;
    return this.#send(group, charges, receipts).catch(this.#options.onError);
  }

  close(): void {
    this.#isClosed = true;
  }

  #toLateCharge({ subject, limit, hits, hitEnd }: AcknowledgedHits): LateCharge {
    return { id: `late-again-${this.#options.node}-${++this.#lastId}`, subject, limit, hits, hitEnd };
  }

  async #waitFor(listened: Promise<void> | undefined, charged: Promise<void> | undefined): Promise<void> {
    await Promise.all([
      Promise.race([listened?.catch(this.#options.onError), sleep(MAX_LISTENER_MS, undefined, { ref: false })]),
      Promise.race([charged, sleep(MAX_REPAIR_MS, undefined, { ref: false })]),
    ]);
  }

  /** Sends late charges until all are made. Refunds come afterwards, and once: they may free hits that were charged again. */
  async #send(group: number, charges: readonly LateCharge[], receipts: readonly Receipt[]): Promise<void> {
    const { chargeLate, refund, tally } = this.#options;
    const giveUpAt = performance.now() + MAX_RETRY_MS;
    let open = charges;
    while (open.length > 0 && !this.#isClosed && performance.now() < giveUpAt) {
      const wave = open.slice(0, MAX_CHARGES_PER_WAVE);
      const results = await chargeLate(group, wave);
      const failed: LateCharge[] = [];
      for (const [index, each] of wave.entries()) {
        if (elementAt(results, index) instanceof StoreUnavailable) failed.push(each);
        else tally.hits += each.hits;
      }
      open = [...failed, ...open.slice(wave.length)];
      if (failed.length > 0) await sleep(RETRY_DELAY_MS, undefined, { ref: false });
    }
    if (receipts.length > 0 && !this.#isClosed) await refund(group, receipts);
  }
}

/** Returns a receipt for hits that were refunded before the refund was lost. */
function toReceipt({ subject, limit, hits, hitEnd }: AcknowledgedHits, { timeMicros }: ServerHistory): Receipt {
  const charge = { subject, limit, hits: -hits };
  const expiresAt = Math.max(hitEnd, timeMicros + 60_000_000);
  return { id: undefined, source: 'redis', expiresAt, granted: [{ charge, countsUntil: hitEnd }] };
}

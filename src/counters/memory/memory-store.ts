import {
  type Charge,
  type ChargeOutcome,
  type Correction,
  type CounterStore,
  type Decision,
  type DecisionResult,
  type Receipt,
  type Source,
  StoreUnavailable,
} from '../../decide/ports.ts';
import { isChargedIfRejected } from '../../decide/rejected-charges.ts';
import {
  advance,
  available as availableHits,
  blockManually,
  type Counter,
  charge as chargeCounter,
  chargeRejected,
  emptyCounter,
  endBlock,
  recordRejection,
  refund as refundCounter,
  resetAfterMicros,
  retryAfterMicros,
} from '../../domain/counting/counter.ts';
import { type CounterSpec, counterSpec } from '../../domain/counting/counter-spec.ts';
import { mergeCharges, spreadOutcomes } from '../merge-charges.ts';
import { CounterTable } from './counter-table.ts';

export interface MemoryStoreOptions {
  /**
   * Reads the time in µs since 1970. It should be monotonic: after a step back, the hits of removed counters are
   * missing.
   */
  readonly now: () => number;
  /**
   * With this many live counters, a decision that needs a new one is StoreUnavailable. Live counters are never dropped:
   * their subjects would get the whole limit again.
   */
  readonly maxCounters: number;
  /** The source that outcomes report. */
  readonly source: Source;
}

/** A charge and its counter, at the time of the decision. */
interface CountedCharge {
  readonly charge: Charge;
  readonly spec: CounterSpec;
  readonly counter: Counter;
  /** Whether the counter is not in the table yet. */
  readonly isNew: boolean;
  /** Hits that would fit, as `available` defines them. */
  readonly available: number;
}

/** A decision sweeps more counters than it adds. Otherwise ended ones would pile up. */
const SWEPT_PER_NEW_COUNTER = 2;
/** Visiting a counter costs one to three cache misses of the processor. So decisions that add none sweep rarely. */
const DECISIONS_PER_SWEPT_COUNTER = 8;
const SWEPT_WHEN_FULL = 64;

/**
 * Identity of the counters that mark receipts as refunded. The subject is the id of the receipt. Such a counter is
 * blocked until the receipt expires, so that it stays until then.
 */
const REFUNDED_RECEIPTS = 'refunded-receipts';
const REFUNDED_RECEIPT_SPEC: CounterSpec = {
  kind: 'window',
  requests: 0,
  resolutionMicros: 1,
  lifetimeMicros: 0,
  blockMicros: Number.MAX_SAFE_INTEGER,
};

/** Counts in the memory of this process. The counters are gone when it ends. */
export class MemoryStore implements CounterStore {
  readonly #now: () => number;
  readonly #table: CounterTable;
  readonly #source: Source;
  /** Decisions since the last one that swept a counter for them. */
  #unsweptDecisions = 0;

  constructor({ now, maxCounters, source }: MemoryStoreOptions) {
    this.#now = now;
    this.#table = new CounterTable(maxCounters);
    this.#source = source;
  }

  /** Memory is always reachable. */
  readonly ready = true;

  /** Number of counters, ended ones included until a sweep finds them. */
  get size(): number {
    return this.#table.size;
  }

  /** Bytes that the counters and their subjects take, without the index. */
  get bytes(): number {
    return this.#table.bytes;
  }

  decide(decisions: readonly Decision[]): readonly DecisionResult[] {
    const clock = this.#now();
    this.#unsweptDecisions += decisions.length;
    this.#table.sweep(Math.floor(this.#unsweptDecisions / DECISIONS_PER_SWEPT_COUNTER), clock);
    this.#unsweptDecisions %= DECISIONS_PER_SWEPT_COUNTER;
    const sizeBefore = this.#table.size;
    const outcomes = decisions.map(({ charges }) => this.#decideOne(charges, clock));
    this.#table.sweep((this.#table.size - sizeBefore) * SWEPT_PER_NEW_COUNTER, clock);
    return outcomes;
  }

  refund(receipts: readonly Receipt[]): Promise<readonly (number | undefined)[]> {
    const clock = this.#now();
    return Promise.resolve(receipts.map((receipt) => this.#refundOne(receipt, clock)));
  }

  correct(corrections: readonly Correction[]): Promise<readonly (StoreUnavailable | undefined)[]> {
    const clock = this.#now();
    return Promise.resolve(corrections.map((correction) => this.#correctOne(correction, clock)));
  }

  #decideOne(originalCharges: readonly Charge[], clock: number): DecisionResult {
    const { charges, indexes } = mergeCharges(originalCharges);
    let counted = charges.map((charge) => this.#findCounter(charge, clock));
    let granted = counted.every(fits);
    if (!this.#hasRoomFor(counted, granted)) {
      this.#table.sweep(SWEPT_WHEN_FULL, clock);
      // The sweep may have removed a counter that was found above, so search again.
      counted = charges.map((charge) => this.#findCounter(charge, clock));
      granted = counted.every(fits);
      if (!this.#hasRoomFor(counted, granted)) return new StoreUnavailable('no room for more counters in memory');
    }
    const outcomes = counted.map((charge) => (granted ? this.#grant(charge, clock) : this.#reject(charge, clock)));
    return { granted, source: this.#source, charges: spreadOutcomes(outcomes, indexes) };
  }

  #findCounter(charge: Charge, clock: number): CountedCharge {
    const spec = counterSpec(charge.limit, clock);
    const found = this.#table.find(charge, spec);
    const counter = found ?? emptyCounter();
    advance(counter, spec, clock);
    return { charge, spec, counter, isNew: found === undefined, available: availableHits(counter, spec) };
  }

  /** Whether there is room for the new counters that the decision charges. */
  #hasRoomFor(counted: readonly CountedCharge[], granted: boolean): boolean {
    let added = 0;
    for (const { isNew, charge } of counted) {
      if (isNew && (granted ? charge.hits > 0 : isChargedIfRejected(charge))) added++;
    }
    return added === 0 || this.#table.hasRoomFor(added);
  }

  #grant({ charge, spec, isNew, counter }: CountedCharge, clock: number): ChargeOutcome {
    const { hits, spentWithinMicros = 0 } = charge;
    if (hits > 0) {
      chargeCounter(counter, spec, clock + spentWithinMicros, hits);
      if (isNew) this.#table.add(charge.limit.identity, charge.subject, spec, counter);
    }
    const resetAfter = resetAfterMicros(counter, spec, clock);
    return {
      exceeded: false,
      remaining: Math.max(0, availableHits(counter, spec)),
      resetAfter,
      freeAt: clock + resetAfter,
      retryAfter: undefined,
      blockedFor: undefined,
    };
  }

  #reject(counted: CountedCharge, clock: number): ChargeOutcome {
    const { charge, spec, isNew, counter } = counted;
    const exceeded = !fits(counted);
    const isCharged = isChargedIfRejected(charge) && chargeRejected(counter, spec, clock, charge.hits);
    const canRecord = charge.hits > 0 && (!isNew || this.#table.hasRoomFor(1));
    const beginsBlock = exceeded && canRecord && recordRejection(counter, spec, clock);
    if (isNew && (isCharged || beginsBlock)) {
      this.#table.add(charge.limit.identity, charge.subject, spec, counter);
    }
    // Nobody knows when a slot of a concurrency limit will be free.
    const hasRetryTime = exceeded && charge.limit.algorithm !== 'concurrency';
    const resetAfter = resetAfterMicros(counter, spec, clock);
    return {
      exceeded,
      remaining: Math.max(0, availableHits(counter, spec)),
      resetAfter,
      freeAt: clock + resetAfter,
      retryAfter: hasRetryTime ? retryAfterMicros(counter, spec, charge.hits, clock) : undefined,
      blockedFor: exceeded && counter.blockedUntil > clock ? counter.blockedUntil - clock : undefined,
    };
  }

  #correctOne({ subject, limit, change }: Correction, clock: number): StoreUnavailable | undefined {
    if (change.kind === 'block' && !this.#table.hasRoomFor(1)) this.#table.sweep(SWEPT_WHEN_FULL, clock);
    const { spec, counter, isNew } = this.#findCounter({ subject, limit, hits: 0 }, clock);
    if (change.kind === 'reset') this.#table.remove(limit.identity, subject);
    else if (change.kind === 'unblock') endBlock(counter);
    else {
      if (isNew && !this.#table.hasRoomFor(1)) return new StoreUnavailable('no room for more counters in memory');
      blockManually(counter, clock + change.microseconds);
      if (isNew) this.#table.add(limit.identity, subject, spec, counter);
    }
    return undefined;
  }

  /** Returns the hits that are free again. undefined: the receipt was refunded before, or has expired. */
  #refundOne({ id, expiresAt, granted }: Receipt, clock: number): number | undefined {
    if (expiresAt <= clock || (id !== undefined && !this.#markRefunded(id, expiresAt, clock))) return undefined;
    let freed = 0;
    for (const { charge, countsUntil } of granted) {
      const { spec, isNew, counter } = this.#findCounter(charge, clock);
      if (!isNew && countsUntil > clock) freed += refundCounter(counter, spec, countsUntil, charge.hits);
    }
    return freed;
  }

  /**
   * Returns false where the receipt was refunded before, and where there is no room to mark it: rather never than
   * twice.
   */
  #markRefunded(id: string, expiresAt: number, clock: number): boolean {
    if (!this.#table.hasRoomFor(1)) this.#table.sweep(SWEPT_WHEN_FULL, clock);
    if (this.#table.has(REFUNDED_RECEIPTS, id) || !this.#table.hasRoomFor(1)) return false;
    const mark = emptyCounter();
    mark.blockedUntil = expiresAt;
    this.#table.add(REFUNDED_RECEIPTS, id, REFUNDED_RECEIPT_SPEC, mark);
    return true;
  }
}

function fits({ charge: { hits, isSettlement }, available }: CountedCharge): boolean {
  return isSettlement === true || hits <= available;
}

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
  charge as chargeCounter,
  chargeRejected,
  countedHits,
  emptyCounter,
  endBlock,
  recordRejection,
  refund as refundCounter,
  replaceHits,
  resetAfterMicros,
  retryAfterMicros,
} from '../../domain/counting/counter.ts';
import { CREDITS_REQUEST_SECONDS } from '../../domain/counting/counter-admin.ts';
import { type CounterSpec, counterSpec } from '../../domain/counting/counter-spec.ts';
import { addCredits, forgetSpending } from '../../domain/counting/credit-balance.ts';
import { creditsRequestId } from '../credits-request.ts';
import { mergeCharges, spreadOutcomes } from '../merge-charges.ts';
import type { RuleFill, StoreFill } from '../store-fill.ts';
import { addsCounter, type CountedCharge, fits, isExceeded, newSubjects } from './counted-charge.ts';
import { CounterRoom } from './counter-room.ts';
import { CounterTable } from './counter-table.ts';
import type { StoredCounter } from './stored-counter.ts';

export interface MemoryStoreOptions {
  /**
   * Reads the time in µs since 1970. It should be monotonic: after a step back, the hits of removed counters are
   * missing.
   */
  readonly now: () => number;
  /**
   * With this many live counters, a decision that needs a new one is StoreUnavailable; for subjects of rules with fewer
   * already (counter-room.ts). Live counters are never dropped: their subjects would get the whole limit again.
   */
  readonly maxCounters: number;
  /** The source that outcomes report. */
  readonly source: Source;
}

/** A decision sweeps more counters than it adds. Otherwise ended ones would pile up. */
const SWEPT_PER_NEW_COUNTER = 2;
/** Visiting a counter costs one to three cache misses of the processor. So decisions that add none sweep rarely. */
const DECISIONS_PER_SWEPT_COUNTER = 8;
const SWEPT_WHEN_FULL = 64;
const CREDITS_REQUEST_MICROS = CREDITS_REQUEST_SECONDS * 1_000_000;

/**
 * Identity of the counters that mark ids as used: of receipts that were refunded, and of requests that added credits.
 * The id is the subject. Such a counter is blocked until the id expires, so that it stays until then.
 */
const USED_IDS = 'used-ids';
const USED_ID_SPEC: CounterSpec = {
  kind: 'window',
  requests: 0,
  resolutionMicros: 1,
  lifetimeMicros: 0,
  blockMicros: Number.MAX_SAFE_INTEGER,
};

/** Counts in the memory of this process. The counters are gone when it ends. */
export class MemoryStore implements CounterStore {
  readonly #now: () => number;
  readonly #room: CounterRoom;
  readonly #table: CounterTable;
  readonly #source: Source;
  /** Decisions since the last one that swept a counter for them. */
  #unsweptDecisions = 0;

  constructor({ now, maxCounters, source }: MemoryStoreOptions) {
    this.#now = now;
    this.#room = new CounterRoom(maxCounters);
    this.#table = new CounterTable(this.#room);
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

  get fill(): StoreFill {
    return this.#room.fill;
  }

  /** Decisions that found no room, by rule. */
  get refused(): readonly RuleFill[] {
    return this.#room.refused;
  }

  /**
   * The same counters for decisions that this store could not make, with fewer charges. Refuses them without counting
   * the refusal again.
   */
  readonly fallback: CounterStore = {
    decide: (decisions) => this.#decideAll(decisions, false),
    refund: (receipts) => this.refund(receipts),
    // The store itself has the correction already.
    correct: (corrections) => Promise.resolve(corrections.map(() => undefined)),
  };

  /** Yields all counters. The store must not decide meanwhile. */
  export(): Generator<StoredCounter> {
    return this.#table.export(this.#now());
  }

  /** Adds a counter that another store exported, unless it has ended. Returns whether it was added. */
  import(counter: StoredCounter): boolean {
    return this.#table.import(counter, this.#now());
  }

  decide(decisions: readonly Decision[]): readonly DecisionResult[] {
    return this.#decideAll(decisions, true);
  }

  #decideAll(decisions: readonly Decision[], countsRefusals: boolean): readonly DecisionResult[] {
    const clock = this.#now();
    this.#unsweptDecisions += decisions.length;
    this.#table.sweep(Math.floor(this.#unsweptDecisions / DECISIONS_PER_SWEPT_COUNTER), clock);
    this.#unsweptDecisions %= DECISIONS_PER_SWEPT_COUNTER;
    const sizeBefore = this.#table.size;
    const outcomes = decisions.map(({ charges }) => this.#decideOne(charges, clock, countsRefusals));
    this.#table.sweep((this.#table.size - sizeBefore) * SWEPT_PER_NEW_COUNTER, clock);
    return outcomes;
  }

  /** Returns the hits that the counter of a charge counts; of a token bucket, the tokens that it lacks to be full. */
  countedHits(charge: Charge): number {
    this.#table.beginDecision();
    const { counter, spec } = this.#findCounter(charge, this.#now());
    return countedHits(counter, spec);
  }

  /**
   * Replaces everything that the counter of a charge counts by `charge.hits` that end at `end`, in µs since 1970. Returns
   * the end that they got (domain/counting/counter.ts, replaceHits). Does nothing if there is no room for the counter.
   */
  replaceHits(charge: Charge, end: number): number {
    this.#table.beginDecision();
    const clock = this.#now();
    const { counter, spec, isNew } = this.#findCounter(charge, clock);
    if (isNew && (charge.hits === 0 || !this.#hasRoomForOne(charge.subject))) return end;
    const roundedEnd = replaceHits(counter, spec, end, charge.hits);
    if (isNew) this.#table.add(charge.limit.identity, charge.subject, spec, counter);
    return roundedEnd;
  }

  refund(receipts: readonly Receipt[]): Promise<readonly (number | undefined)[]> {
    const clock = this.#now();
    return Promise.resolve(receipts.map((receipt) => this.#refundOne(receipt, clock)));
  }

  correct(corrections: readonly Correction[]): Promise<readonly (StoreUnavailable | undefined)[]> {
    const clock = this.#now();
    return Promise.resolve(corrections.map((correction) => this.#correctOne(correction, clock)));
  }

  #decideOne(originalCharges: readonly Charge[], clock: number, countsRefusals: boolean): DecisionResult {
    const { charges, indexes } = mergeCharges(originalCharges);
    this.#table.beginDecision();
    let counted = charges.map((charge) => this.#findCounter(charge, clock));
    let granted = counted.every(fits);
    if (!this.#hasRoomFor(counted, granted)) {
      this.#table.sweep(SWEPT_WHEN_FULL, clock);
      // The sweep may have removed a counter that was found above, so search again.
      counted = charges.map((charge) => this.#findCounter(charge, clock));
      granted = counted.every(fits);
      const refused = this.#room.findRefused(newSubjects(counted, granted));
      if (refused !== undefined) {
        if (countsRefusals) this.#room.recordRefusal(refused);
        return new StoreUnavailable('no room for more counters in memory', 'full');
      }
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
    for (const charge of counted) if (addsCounter(charge, granted)) added++;
    if (added === 0 || this.#room.isOpenFor(added)) return true;
    return this.#room.findRefused(newSubjects(counted, granted)) === undefined;
  }

  #hasRoomForOne(subject: string): boolean {
    return this.#room.findRefused([subject]) === undefined;
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
    const canRecord = charge.hits > 0 && (!isNew || this.#hasRoomForOne(charge.subject));
    const beginsBlock = isExceeded(counted) && canRecord && recordRejection(counter, spec, clock);
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

  #correctOne(correction: Correction, clock: number): StoreUnavailable | undefined {
    this.#table.beginDecision();
    const { subject, limit, change } = correction;
    const requestId = creditsRequestId(correction);
    const mayAdd = change.kind === 'block' || change.kind === 'add_credits';
    const marks = requestId === undefined ? [] : [requestId];
    if (mayAdd && this.#room.findRefused([subject, ...marks]) !== undefined) this.#table.sweep(SWEPT_WHEN_FULL, clock);
    const { spec, counter, isNew } = this.#findCounter({ subject, limit, hits: 0 }, clock);
    if (change.kind === 'unblock') endBlock(counter);
    else if (change.kind === 'reset') {
      endBlock(counter);
      if (spec.kind === 'credits' && counter.addedCredits > 0) forgetSpending(counter);
      else this.#table.remove(limit.identity, subject);
    } else {
      const refused = this.#room.findRefused(isNew ? [subject, ...marks] : marks);
      if (refused !== undefined) return new StoreUnavailable('no room for more counters in memory', 'full');
      if (change.kind === 'block') blockManually(counter, clock + change.microseconds);
      else if (requestId === undefined || this.#markUsed(requestId, clock + CREDITS_REQUEST_MICROS, clock)) {
        addCredits(counter, change.credits);
      } else return undefined;
      if (isNew) this.#table.add(limit.identity, subject, spec, counter);
    }
    return undefined;
  }

  /** Returns the hits that are free again. undefined: the receipt was refunded before, or has expired. */
  #refundOne({ id, expiresAt, granted }: Receipt, clock: number): number | undefined {
    this.#table.beginDecision();
    if (expiresAt <= clock || (id !== undefined && !this.#markUsed(id, expiresAt, clock))) return undefined;
    let freed = 0;
    for (const { charge, countsUntil } of granted) {
      const { spec, isNew, counter } = this.#findCounter(charge, clock);
      if (!isNew && countsUntil > clock) freed += refundCounter(counter, spec, countsUntil, charge.hits);
    }
    return freed;
  }

  /**
   * Returns false where the id was used before, and where there is no room to mark it: rather never than twice.
   */
  #markUsed(id: string, expiresAt: number, clock: number): boolean {
    if (!this.#hasRoomForOne(id)) this.#table.sweep(SWEPT_WHEN_FULL, clock);
    if (this.#table.has(USED_IDS, id) || !this.#hasRoomForOne(id)) return false;
    const mark = emptyCounter();
    mark.blockedUntil = expiresAt;
    this.#table.add(USED_IDS, id, USED_ID_SPEC, mark);
    return true;
  }
}

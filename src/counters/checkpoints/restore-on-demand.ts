import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { computeVirtualTag } from '../redis/batch/counter-key.ts';
import { type HeldTags, MAX_HOLD_MS } from './held-tags.ts';

/** A counter that a decision asks about. */
export interface DemandedCounter {
  readonly subject: string;
  /** A checkpointed limit. */
  readonly limit: CountedLimit;
}

export interface RestoreOnDemandOptions {
  readonly held: HeldTags;
  /** Restores counters. Rejects while Postgres or the store is away; can be repeated. */
  readonly restore: (counters: readonly DemandedCounter[]) => Promise<void>;
  /** Ends attempts that wait. */
  readonly signal: AbortSignal;
}

interface Demand extends DemandedCounter {
  readonly tag: number;
  /** On the clock of performance.now(). */
  readonly askedAt: number;
  isRestored: boolean;
}

/** The demands of a tag. */
interface TagDemands {
  /** By identity of the limit and subject. */
  readonly byName: Map<string, Demand>;
  /** Demands that are not restored. */
  waiting: number;
}

/** Clients choose some subjects. Beyond this number, counters are held with their tags only. */
const MAX_DEMANDS = 100_000;
/** Counters of one attempt. */
const MAX_BATCH_COUNTERS = 1_000;
const RETRY_DELAY_MS = 100;

/**
 * Restores the counters that decisions ask about, ahead of the rest of their tags. Such a counter is held until it is restored.
 * So no quota begins again because its tag takes longer than it is held.
 */
export class RestoreOnDemand {
  readonly #options: RestoreOnDemandOptions;
  /** By tag. */
  readonly #demands = new Map<number, TagDemands>();
  /** Demands to restore, oldest first. */
  readonly #waiting = new Set<Demand>();
  #size = 0;
  #isRunning = false;
  /** Whether the last attempt failed. */
  #isFailing = false;
  /** When an attempt last succeeded, or attempts began after a pause, on the clock of performance.now(). */
  #progressAt = 0;

  constructor(options: RestoreOnDemandOptions) {
    this.#options = options;
  }

  /** Whether a decision on the counter has to wait. Restores the counter if it may be lost. */
  isHeld({ subject, limit }: DemandedCounter): boolean {
    const { held } = this.#options;
    const tag = computeVirtualTag(subject);
    if (!held.isLost(tag)) return false;
    const demand = this.#demands.get(tag)?.byName.get(toName(subject, limit)) ?? this.#add(tag, subject, limit);
    if (demand?.isRestored === true) return false;
    return held.has(tag) || (demand !== undefined && this.#isInTime(demand.askedAt));
  }

  /** Whether counters of the tag are held although the tag no longer is. */
  isRestoring(tag: number): boolean {
    return (this.#demands.get(tag)?.waiting ?? 0) > 0 && this.#isInTime(performance.now());
  }

  /** Forgets what was restored of a tag: it was lost again, or all of it is restored. */
  forget(tag: number): void {
    const ofTag = this.#demands.get(tag);
    if (ofTag === undefined) return;
    for (const demand of ofTag.byName.values()) this.#waiting.delete(demand);
    this.#size -= ofTag.byName.size;
    this.#demands.delete(tag);
  }

  /** Whether decisions wait beyond the hold of the tag: not for longer than that, nor while attempts fail or hang. */
  #isInTime(askedAt: number): boolean {
    return !this.#isFailing && performance.now() < Math.min(askedAt, this.#progressAt) + MAX_HOLD_MS;
  }

  #add(tag: number, subject: string, limit: CountedLimit): Demand | undefined {
    if (this.#size >= MAX_DEMANDS) return undefined;
    const demand: Demand = { subject, limit, tag, askedAt: performance.now(), isRestored: false };
    const ofTag = this.#demands.get(tag) ?? { byName: new Map<string, Demand>(), waiting: 0 };
    ofTag.byName.set(toName(subject, limit), demand);
    ofTag.waiting++;
    this.#size++;
    this.#demands.set(tag, ofTag);
    this.#waiting.add(demand);
    if (!this.#isRunning) void this.#run();
    return demand;
  }

  /** Restores what waits. Never rejects. */
  async #run(): Promise<void> {
    const { restore, signal } = this.#options;
    this.#isRunning = true;
    this.#isFailing = false;
    this.#progressAt = performance.now();
    // The demands of one turn become one attempt.
    await nextTurn();
    while (this.#waiting.size > 0 && !signal.aborted) {
      const batch = [...this.#waiting].slice(0, MAX_BATCH_COUNTERS);
      try {
        await restore(batch);
        this.#isFailing = false;
        this.#progressAt = performance.now();
        for (const demand of batch) this.#finish(demand);
      } catch {
        this.#isFailing = true;
        // Restoring the tags fails as well, and says so in the log.
        await sleep(RETRY_DELAY_MS, undefined, { signal, ref: false }).catch(() => {}); // the loop ends with the signal
      }
    }
    this.#isRunning = false;
  }

  /** Leaves out a demand that was forgotten: its tag may have been lost during the attempt. */
  #finish(demand: Demand): void {
    const ofTag = this.#demands.get(demand.tag);
    if (!this.#waiting.delete(demand) || ofTag === undefined) return;
    demand.isRestored = true;
    ofTag.waiting--;
  }
}

function toName(subject: string, { identity }: CountedLimit): string {
  return `${identity} ${subject}`;
}

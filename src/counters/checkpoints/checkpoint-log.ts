import { checkpointPeriod } from '../../domain/counting/checkpoint.ts';
import { ruleOfSubject } from '../../domain/counting/counter-subject.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { type CounterName, type ObservedCheckpoint, UNKNOWN_USE } from './checkpoint-table.ts';

/** An answer of a store about a counter. */
export interface Observation {
  readonly subject: string;
  /** A checkpointed limit. */
  readonly limit: CountedLimit;
  /** As in Checkpoint. */
  readonly used: number;
  /** Unix time in µs, by the clock of the store. */
  readonly observedAt: number;
}

type PendingCheckpoint = { -readonly [Field in keyof ObservedCheckpoint]: ObservedCheckpoint[Field] };

/**
 * Counters that wait for the next write: of keys, accounts and tokens, and of rules. A counter takes about 300 bytes. Clients
 * choose the subjects of rules, so these have a bound of their own.
 */
const MAX_PENDING = { catalog: 300_000, rules: 100_000 };
/** Longer subjects, in UTF-16 code units, have no checkpoints. Only clients choose such names. */
const MAX_SUBJECT_LENGTH = 1024;

/** The greatest use of each counter since the last write. */
export class CheckpointLog {
  /** Observations that were dropped because too many counters waited, or because of the length of their subject. */
  dropped = 0;
  /** By identity of the limit and by subject. */
  readonly #pending = new Map<string, Map<string, PendingCheckpoint>>();
  readonly #counts = { catalog: 0, rules: 0 };
  /** Being written. */
  #taken: readonly ObservedCheckpoint[] = [];

  /** Number of counters that wait. */
  get size(): number {
    return this.#counts.catalog + this.#counts.rules;
  }

  note({ subject, limit, used, observedAt }: Observation): void {
    const pending = this.#pending.get(limit.identity)?.get(subject);
    if (pending === undefined || observedAt >= pending.periodEnd) {
      const period = checkpointPeriod(limit, observedAt);
      this.add({ subject, identity: limit.identity, ...period, used, observedAt, refunded: 0 });
    } else if (used >= pending.used && observedAt >= pending.periodStart) {
      // The time of the greatest use: what is observed after a reset must not make an older use look new.
      pending.used = used;
      pending.observedAt = observedAt;
    }
  }

  /** Notes hits that were refunded at about `time`, in µs since 1970. */
  noteRefund(subject: string, limit: CountedLimit, hits: number, time: number): void {
    const pending = this.#pending.get(limit.identity)?.get(subject);
    if (pending === undefined || time >= pending.periodEnd) {
      const period = checkpointPeriod(limit, time);
      const use = { used: UNKNOWN_USE, observedAt: time, refunded: hits };
      this.add({ subject, identity: limit.identity, ...period, ...use });
    } else {
      pending.refunded += hits;
      if (pending.used !== UNKNOWN_USE) pending.used -= hits;
    }
  }

  /** Adds a checkpoint, or merges it with the one that waits. Drops it if too many wait. */
  add(checkpoint: ObservedCheckpoint): void {
    const { subject, identity } = checkpoint;
    const ofLimit = this.#pending.get(identity) ?? new Map<string, PendingCheckpoint>();
    const pending = ofLimit.get(subject);
    if (pending !== undefined) {
      ofLimit.set(subject, mergeCheckpoints(pending, checkpoint));
      return;
    }
    const kind = ruleOfSubject(subject) === undefined ? 'catalog' : 'rules';
    if (subject.length > MAX_SUBJECT_LENGTH || this.#counts[kind] >= MAX_PENDING[kind]) {
      this.dropped++;
      return;
    }
    this.#counts[kind]++;
    ofLimit.set(subject, { ...checkpoint });
    this.#pending.set(identity, ofLimit);
  }

  /** Forgets what waits about a counter, because it was changed manually. */
  forget({ subject, identity }: CounterName): void {
    this.#taken = this.#taken.filter((taken) => taken.subject !== subject || taken.identity !== identity);
    if (this.#pending.get(identity)?.delete(subject) !== true) return;
    this.#counts[ruleOfSubject(subject) === undefined ? 'catalog' : 'rules']--;
  }

  /** Lists everything that waits or is being written and says how much its counter counts. */
  list(): readonly ObservedCheckpoint[] {
    return [...this.#taken, ...this.#listPending()].filter(({ used }) => used !== UNKNOWN_USE);
  }

  /** Takes everything that waits, to write it. `endWrite` must follow. */
  takeAll(): readonly ObservedCheckpoint[] {
    this.#taken = this.#listPending();
    this.#pending.clear();
    this.#counts.catalog = 0;
    this.#counts.rules = 0;
    return this.#taken;
  }

  /** Ends a write. What could not be written waits again. */
  endWrite(unwritten: readonly ObservedCheckpoint[]): void {
    this.#taken = [];
    for (const checkpoint of unwritten) this.add(checkpoint);
  }

  #listPending(): readonly ObservedCheckpoint[] {
    return [...this.#pending.values()].flatMap((ofLimit) => [...ofLimit.values()]);
  }
}

/** Of the later period, or of the same one the greatest use and all refunds. */
function mergeCheckpoints(one: ObservedCheckpoint, other: ObservedCheckpoint): ObservedCheckpoint {
  if (one.periodStart !== other.periodStart) return one.periodStart > other.periodStart ? one : { ...other };
  const greater = one.used > other.used ? one : other;
  return { ...greater, refunded: one.refunded + other.refunded };
}

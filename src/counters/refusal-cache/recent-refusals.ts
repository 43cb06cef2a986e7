import type { Charge, ChargeOutcome } from '../../decide/ports.ts';

/** How a counter stood when it was last told in a refusal. Times are µs on one clock of this process. */
export interface KnownCounter {
  /** What was asked of it, and so what the outcome is about. */
  readonly charge: Charge;
  readonly outcome: ChargeOutcome;
  /** Before it was decided. */
  readonly askedAt: number;
  /** After it was decided. */
  readonly toldAt: number;
}

/** When a counter was given back to: what was asked before says nothing any more. */
interface GivenBack {
  readonly charge: Charge;
  readonly toldAt: number;
}

type Entry = KnownCounter | GivenBack;

/** µs. */
export const MAX_REFUSAL_MICROS = 250_000;
/** Of subjects in each of the two generations: a few MB. */
const MOST_SUBJECTS = 10_000;

/**
 * Counters by subject, for as long as what is known of them may be used. Two generations of at most that length: what
 * is looked up is in one of them, and the older one is dropped as a whole, so that forgetting costs nothing. Where one
 * is full it is dropped sooner.
 */
export class RecentRefusals {
  #young = new Map<string, Entry[]>();
  #old = new Map<string, Entry[]>();
  #turnedAt = 0;

  /** Whether nothing is known at `now`. */
  isEmpty(now: number): boolean {
    if (this.#size > 0 && now - this.#turnedAt >= MAX_REFUSAL_MICROS) this.#turn(now);
    return this.#size === 0;
  }

  /** What is known of the counter, if it was asked for the same by the same limit: a reloaded limit is another one. */
  find({ subject, limit, hits }: Charge): KnownCounter | undefined {
    for (const entry of this.#entriesOf(subject)) {
      if (entry.charge.limit === limit) return 'outcome' in entry && entry.charge.hits === hits ? entry : undefined;
    }
    return undefined;
  }

  /** Keeps what is known, unless the counter was given back to since it was asked. */
  remember(known: KnownCounter): void {
    const before = this.#entriesOf(known.charge.subject).find(isOf(known.charge));
    if (before !== undefined && !('outcome' in before) && known.askedAt <= before.toldAt) return;
    this.#put(known);
  }

  /** The counter was given back to, at `toldAt` at the latest. */
  forget(charge: Charge, toldAt: number): void {
    this.#put({ charge, toldAt });
  }

  #put(entry: Entry): void {
    const { charge, toldAt } = entry;
    if (this.#size === 0) this.#turnedAt = toldAt;
    if (this.#young.size >= MOST_SUBJECTS && !this.#young.has(charge.subject)) this.#turn(toldAt);
    const isSame = isOf(charge);
    const others = this.#entriesOf(charge.subject).filter(
      (other) => !isSame(other) && toldAt - other.toldAt < MAX_REFUSAL_MICROS,
    );
    this.#young.set(charge.subject, [...others, entry]);
  }

  get #size(): number {
    return this.#young.size + this.#old.size;
  }

  #entriesOf(subject: string): readonly Entry[] {
    return this.#young.get(subject) ?? this.#old.get(subject) ?? NONE;
  }

  #turn(now: number): void {
    this.#old = now - this.#turnedAt < 2 * MAX_REFUSAL_MICROS ? this.#young : new Map();
    this.#young = new Map();
    this.#turnedAt = now;
  }
}

const NONE: readonly Entry[] = [];

function isOf({ limit: { identity } }: Charge): (entry: Entry) => boolean {
  return ({ charge }) => charge.limit.identity === identity;
}

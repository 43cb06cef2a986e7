import {
  advance,
  available,
  type Counter,
  charge,
  emptyCounter,
  recordRejection,
  refund,
  resetAfter,
  retryAfter,
} from '../../../src/domain/counting/counter.ts';
import { counterSpec } from '../../../src/domain/counting/counter-spec.ts';
import type { CountedLimit } from '../../../src/domain/limits/limit.ts';

/** What became of hits that were asked of a counter; times in µs. */
export interface Answer {
  readonly granted: boolean;
  /** Before they were asked. */
  readonly freeBefore: number;
  /** After they were. Below 0 nothing fits, not even a look. */
  readonly free: number;
  readonly resetAfter: number;
  /** undefined when granted, or when they never fit. */
  readonly retryAfter: number | undefined;
  /** undefined when granted, or when no block refuses them. */
  readonly blockedFor: number | undefined;
  /** Whether a store would keep the counter as it is now; else it goes on with what it had. */
  readonly isChanged: boolean;
}

/** The pure arithmetic of core/limits/counter.ts, called as a store calls it, at times (µs since 1970) of the test's choosing. */
export class LoneCounter {
  readonly counter: Counter;

  constructor(counter = emptyCounter()) {
    this.counter = counter;
  }

  /** One that goes its own way from here on. */
  copy(): LoneCounter {
    return new LoneCounter(structuredClone(this.counter));
  }

  ask(limit: CountedLimit, clock: number, hits: number): Answer {
    const term = counterSpec(limit, clock);
    const isMoved = advance(this.counter, term, clock);
    const freeBefore = available(this.counter, term);
    const granted = hits <= freeBefore;
    if (granted && hits > 0) charge(this.counter, term, clock, hits);
    const beginsBlock = !granted && hits > 0 && recordRejection(this.counter, term, clock);
    const { blockedUntil } = this.counter;
    return {
      granted,
      freeBefore,
      free: available(this.counter, term),
      resetAfter: resetAfter(this.counter, term, clock),
      retryAfter: granted ? undefined : retryAfter(this.counter, term, hits, clock),
      blockedFor: granted || blockedUntil <= clock ? undefined : blockedUntil - clock,
      isChanged: isMoved || beginsBlock || (granted && hits > 0),
    };
  }

  look(limit: CountedLimit, clock: number): Answer {
    return this.ask(limit, clock, 0);
  }

  /** Charges hits that were spent already; µs until all is free. */
  settle(limit: CountedLimit, clock: number, hits: number): number {
    const term = counterSpec(limit, clock);
    advance(this.counter, term, clock);
    charge(this.counter, term, clock, hits);
    return resetAfter(this.counter, term, clock);
  }

  /** Gives back hits of a grant after which all would have been free at `end`; how many are free again. */
  giveBack(limit: CountedLimit, clock: number, end: number, hits: number): number {
    const term = counterSpec(limit, clock);
    advance(this.counter, term, clock);
    return end <= clock ? 0 : refund(this.counter, term, end, hits);
  }
}

import {
  advance,
  available,
  type Counter,
  charge,
  chargeRejected,
  emptyCounter,
  recordRejection,
  refund,
  resetAfterMicros,
  retryAfterMicros,
} from '../../../src/domain/counting/counter.ts';
import { counterSpec } from '../../../src/domain/counting/counter-spec.ts';
import type { CountedLimit } from '../../../src/domain/limits/limit.ts';

/** Answer of a counter to a request for hits. Times are in µs. */
export interface Answer {
  readonly granted: boolean;
  /** Hits that would fit before the request. */
  readonly availableBefore: number;
  /** Hits that would fit after the request. Below 0 nothing fits, not even a peek. */
  readonly available: number;
  readonly resetAfter: number;
  /** undefined: the request was granted, or its hits never fit. */
  readonly retryAfter: number | undefined;
  /** undefined: the request was granted, or no block rejects it. */
  readonly blockedFor: number | undefined;
  /** Whether a store would save the counter. If not, it continues with the counter from before the request. */
  readonly isChanged: boolean;
}

/**
 * A counter without a store: the arithmetic of src/domain/counting/counter.ts, called as a store calls it, at times
 * that the test chooses (µs since 1970).
 */
export class PureCounter {
  readonly counter: Counter;

  constructor(counter = emptyCounter()) {
    this.counter = counter;
  }

  /** Returns an independent copy. */
  copy(): PureCounter {
    return new PureCounter(structuredClone(this.counter));
  }

  request(limit: CountedLimit, clock: number, hits: number): Answer {
    const spec = counterSpec(limit, clock);
    const isMoved = advance(this.counter, spec, clock);
    const availableBefore = available(this.counter, spec);
    const granted = hits <= availableBefore;
    if (granted && hits > 0) charge(this.counter, spec, clock, hits);
    const owesRejected =
      !granted && hits > 0 && limit.chargeRejected === true && chargeRejected(this.counter, spec, clock, hits);
    const beginsBlock = !granted && hits > 0 && recordRejection(this.counter, spec, clock);
    const { blockedUntil } = this.counter;
    return {
      granted,
      availableBefore,
      available: available(this.counter, spec),
      resetAfter: resetAfterMicros(this.counter, spec, clock),
      retryAfter: granted ? undefined : retryAfterMicros(this.counter, spec, hits, clock),
      blockedFor: granted || blockedUntil <= clock ? undefined : blockedUntil - clock,
      isChanged: isMoved || beginsBlock || owesRejected || (granted && hits > 0),
    };
  }

  peek(limit: CountedLimit, clock: number): Answer {
    return this.request(limit, clock, 0);
  }

  /** Charges hits that were spent already. Returns the µs until the whole limit is free. */
  settle(limit: CountedLimit, clock: number, hits: number): number {
    const spec = counterSpec(limit, clock);
    advance(this.counter, spec, clock);
    charge(this.counter, spec, clock, hits);
    return resetAfterMicros(this.counter, spec, clock);
  }

  /**
   * Refunds hits of a grant after which the whole limit would have been free at `countsUntil`. Returns how many are
   * free again.
   */
  refund(limit: CountedLimit, clock: number, countsUntil: number, hits: number): number {
    const spec = counterSpec(limit, clock);
    advance(this.counter, spec, clock);
    return countsUntil <= clock ? 0 : refund(this.counter, spec, countsUntil, hits);
  }
}

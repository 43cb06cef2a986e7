import { elementAt } from '../../collections/element-at.ts';
import { GenerationalMap } from '../../collections/generational-map.ts';
import { counterSpec } from '../../domain/counting/counter-spec.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { isReached, isRearmed, type ThresholdCrossing, usedHits } from '../../domain/limits/limit-threshold.ts';

/** The state of a counter in an answer of the store. */
export interface SeenCounter {
  readonly subject: string;
  readonly limit: CountedLimit;
  readonly remaining: number;
  /** In µs since 1970, by the clock of the store. */
  readonly answeredAt: number;
}

/** The knowledge of this node about the shares of one counter. */
interface CounterState {
  readonly limit: CountedLimit;
  /** End of the period in µs since 1970; undefined: the limit has no periods. */
  readonly periodEnd: number | undefined;
  /** By the index of the share: whether it was reached. */
  readonly isReached: boolean[];
  /** By the index of the share: when the usage was last low enough to notify again. */
  readonly lowAt: (number | undefined)[];
}

/** Counters of each generation. Each takes some 300 bytes. A counter that is forgotten costs at most an event. */
const MAX_COUNTERS = 32_768;

/**
 * Notices when the usage of counters reaches a share of their limit that `notifyAt` names. A node reports each share once
 * until the period ends or the usage was low. Other nodes report the same, so the receiver must tell what is new.
 */
export class ThresholdWatch {
  readonly #onCrossing: (crossing: ThresholdCrossing) => void;
  readonly #counters = new GenerationalMap<string, CounterState>();

  constructor(onCrossing: (crossing: ThresholdCrossing) => void) {
    this.#onCrossing = onCrossing;
  }

  observe({ subject, limit, remaining, answeredAt }: SeenCounter): void {
    const { notifyAt } = limit;
    if (notifyAt === undefined) return;
    const state = this.#find(subject, limit, answeredAt);
    const used = usedHits(limit, remaining);
    for (let index = 0; index < notifyAt.length; index++) {
      const threshold = elementAt(notifyAt, index);
      if (isReached(limit, threshold, used)) {
        if (state.isReached[index] === true) continue;
        state.isReached[index] = true;
        const { periodEnd } = state;
        const lowAt = state.lowAt[index];
        this.#onCrossing({ subject, limit, threshold, used, periodEnd, crossedAt: answeredAt, lowAt });
      } else if (state.periodEnd === undefined && isRearmed(limit, threshold, used)) {
        state.isReached[index] = false;
        state.lowAt[index] = answeredAt;
      }
    }
  }

  #find(subject: string, limit: CountedLimit, answeredAt: number): CounterState {
    const key = `${subject} ${limit.identity}`; // an identity has no space
    const known = this.#counters.getYoung(key);
    if (known !== undefined && isCurrent(known, limit, answeredAt)) return known;
    const old = known === undefined ? this.#counters.getOld(key) : undefined;
    const state =
      old !== undefined && isCurrent(old, limit, answeredAt)
        ? old
        : { limit, periodEnd: findPeriodEnd(limit, answeredAt), isReached: [], lowAt: [] };
    if (this.#counters.youngSize >= MAX_COUNTERS) this.#counters.rotate();
    this.#counters.set(key, state);
    return state;
  }
}

/** Whether a state still applies: its period has not ended, and nobody has edited the limit. */
function isCurrent(state: CounterState, limit: CountedLimit, now: number): boolean {
  return state.limit === limit && (state.periodEnd === undefined || now < state.periodEnd);
}

function findPeriodEnd(limit: CountedLimit, now: number): number | undefined {
  const spec = counterSpec(limit, now);
  if (spec.kind === 'calendar') return spec.end;
  if (limit.algorithm !== 'fixed_window' || spec.kind !== 'window') return undefined;
  return (Math.floor(now / spec.resolutionMicros) + 1) * spec.resolutionMicros;
}

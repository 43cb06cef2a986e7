import type { CountedLimit } from '../limits/limit.ts';
import { counterSpec } from './counter-spec.ts';
import { CREDITS_END } from './credit-balance.ts';

/** Use of a quota in one period, as it is kept apart from the counters. Times are Unix times in µs. */
export interface Checkpoint {
  /** Subject of the counter (counter-subject.ts). */
  readonly subject: string;
  /** Identity of the limit. It contains the name, and not the numbers: a raised limit keeps its use. */
  readonly identity: string;
  /** Start of the period. 0: credits, which have no periods. */
  readonly periodStart: number;
  /** End of the period. `CREDITS_END`: credits. */
  readonly periodEnd: number;
  /** Hits that count. Credits that were spent, less those that were added: negative if more were added. */
  readonly used: number;
}

/**
 * Whether the use of a limit is kept apart from its counters: of calendar limits of a day and longer, and of credits. Their
 * subjects would gain the most if the counters were lost. The others start again soon in any case.
 */
export function isCheckpointed(limit: CountedLimit): boolean {
  return limit.algorithm === 'calendar' ? limit.unit !== 'hour' : limit.algorithm === 'credits';
}

/** Returns the period of a checkpointed limit that contains `time` (Unix time in µs). */
export function checkpointPeriod(limit: CountedLimit, time: number): Pick<Checkpoint, 'periodStart' | 'periodEnd'> {
  const spec = counterSpec(limit, time);
  if (spec.kind !== 'calendar') return { periodStart: 0, periodEnd: CREDITS_END };
  return { periodStart: spec.start, periodEnd: spec.end };
}

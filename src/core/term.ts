import { calendarTerm } from './calendar.ts';
import type { Limit } from './limit.ts';
import { slidingWindowTerm } from './sliding-window.ts';
import type { Term } from './tally.ts';

const terms = new WeakMap<Limit, Term>();

/** How long hits of a limit count. Kept by limit: it is asked for at every decision, and limits are few and long-lived. */
export function termOf(limit: Limit): Term {
  const known = terms.get(limit);
  if (known !== undefined) return known;
  const term = limit.algorithm === 'calendar' ? calendarTerm(limit) : slidingWindowTerm(limit);
  terms.set(limit, term);
  return term;
}

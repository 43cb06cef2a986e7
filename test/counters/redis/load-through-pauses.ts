import { setTimeout as sleep } from 'node:timers/promises';
import type { Counters } from '../../../src/counters/open-counters.ts';
import { type Charge, type Source, StoreUnavailable } from '../../../src/decide/ports.ts';
import type { TimedLimit } from '../../../src/domain/limits/limit.ts';

/** An answered decision of one hit. Times are in ms on the clock of performance.now(). */
export interface LoadAnswer {
  /** Index of the node that decided. */
  readonly node: number;
  readonly sentAt: number;
  readonly completedAt: number;
  readonly granted: boolean;
  /** undefined: StoreUnavailable. */
  readonly source: Source | undefined;
}

export interface PausePlan {
  /** The nodes that get the load in turn. */
  readonly nodes: readonly Counters[];
  /** Each of them gets the whole load. */
  readonly limits: readonly TimedLimit[];
  readonly subject: string;
  /** Between two decisions on a limit, in ms. */
  readonly intervalMs: number;
  readonly durationMs: number;
  /** Disrupts Redis or a node, and resolves when that is over. */
  readonly disrupt: () => Promise<void>;
  /** Time in ms from the end of a disruption to the next one. */
  readonly nextPauseMs: () => number;
}

export interface PauseReport {
  /** By limit, in the order of the plan. */
  readonly answers: readonly (readonly LoadAnswer[])[];
  /** When each disruption was over. */
  readonly pauseEnds: readonly number[];
}

/** Sends a constant load to the nodes while Redis is disrupted again and again. */
export async function loadThroughPauses(plan: PausePlan): Promise<PauseReport> {
  const { nodes, limits, subject, intervalMs, durationMs, disrupt, nextPauseMs } = plan;
  const endsAt = performance.now() + durationMs;
  const pauseEnds: number[] = [];
  const pausing = (async () => {
    for (;;) {
      await sleep(nextPauseMs());
      if (performance.now() > endsAt) return;
      await disrupt();
      pauseEnds.push(performance.now());
    }
  })();
  const answers = limits.map((): Promise<LoadAnswer>[] => []);
  for (let dueAt = performance.now(), turn = 0; dueAt < endsAt; dueAt += intervalMs, turn++) {
    await sleep(Math.max(0, dueAt - performance.now()));
    const nodeIndex = turn % nodes.length;
    const node = nodes[nodeIndex];
    if (node === undefined) throw new Error('nodes: must not be empty');
    for (const [index, limit] of limits.entries()) {
      answers[index]?.push(decideOnce(node, nodeIndex, { subject, limit, hits: 1 }));
    }
  }
  await pausing;
  return { answers: await Promise.all(answers.map((each) => Promise.all(each))), pauseEnds };
}

async function decideOnce({ store }: Counters, node: number, charge: Charge): Promise<LoadAnswer> {
  const sentAt = performance.now();
  const [result] = await store.decide([{ charges: [charge] }], undefined);
  const completedAt = performance.now();
  if (result === undefined || result instanceof StoreUnavailable) {
    return { node, sentAt, completedAt, granted: false, source: undefined };
  }
  return { node, sentAt, completedAt, granted: result.granted, source: result.source };
}

/**
 * Counts the grants that certainly were too many in one window, or for a token bucket in any time: a hit is charged between
 * `sentAt` and `completedAt`.
 */
export function countOver(answers: readonly LoadAnswer[], limit: TimedLimit): number {
  const granted = answers.filter((answer) => answer.granted);
  const windowMs = limit.windowSeconds * 1000;
  if (limit.algorithm === 'token_bucket') return countOverBucket(granted, limit.burst, limit.requests / windowMs);
  const starts =
    limit.algorithm === 'fixed_window' || limit.algorithm === 'calendar'
      ? granted.map(({ sentAt }) => startOfWindow(sentAt, windowMs))
      : granted.map(({ sentAt }) => sentAt);
  const most = Math.max(0, ...starts.map((start) => countBetween(granted, start, start + windowMs)));
  return Math.max(0, most - limit.requests);
}

/** Returns the start of the window in which a time is. Windows begin at multiples of their length since 1970. */
function startOfWindow(time: number, windowMs: number): number {
  const unixMs = performance.timeOrigin + time;
  return time - (unixMs % windowMs);
}

function countBetween(granted: readonly LoadAnswer[], start: number, end: number): number {
  return granted.filter(({ sentAt, completedAt }) => sentAt >= start && completedAt < end).length;
}

function countOverBucket(granted: readonly LoadAnswer[], burst: number, perMs: number): number {
  let over = 0;
  for (const [first, { sentAt: start }] of granted.entries()) {
    for (let last = first; last < granted.length; last++) {
      const end = granted[last]?.completedAt ?? start;
      over = Math.max(over, last - first + 1 - (burst + (end - start) * perMs));
    }
  }
  return Math.floor(over);
}

/** Counts the rejections at which fewer hits than the limit can have counted. Only for windows that roll. */
export function countWrongRejections(answers: readonly LoadAnswer[], { requests, windowSeconds }: TimedLimit): number {
  const granted = answers.filter((answer) => answer.granted);
  // A hit of a large limit counts up to a sixteenth of the window longer.
  const windowMs = windowSeconds * 1000 * (requests > 64 ? 17 / 16 : 1);
  const isWrong = (rejection: LoadAnswer) =>
    granted.filter(
      ({ sentAt, completedAt }) => sentAt < rejection.completedAt && completedAt > rejection.sentAt - windowMs,
    ).length < requests;
  return answers.filter((answer) => !answer.granted && isWrong(answer)).length;
}

/**
 * Returns the share of the grants that the limit had room for and that were not made: an exact log that all calls share
 * would have made them. Only for windows that roll.
 */
export function measureMissedGrants(answers: readonly LoadAnswer[], { requests, windowSeconds }: TimedLimit): number {
  const made = answers.filter(({ granted }) => granted).length;
  const log: number[] = [];
  let possible = 0;
  for (const { sentAt } of answers.toSorted((one, other) => one.sentAt - other.sentAt)) {
    while ((log[0] ?? sentAt) <= sentAt - windowSeconds * 1000) log.shift();
    if (log.length >= requests) continue;
    log.push(sentAt);
    possible++;
  }
  return possible === 0 ? 0 : Math.max(0, possible - made) / possible;
}

/** Returns the longest time in ms from the end of a disruption to the next answer of Redis. */
export function measureRecovery({ answers, pauseEnds }: PauseReport): number {
  const byRedis = answers.flat().filter(({ source }) => source === 'redis' || source === 'local');
  const recoveries = pauseEnds.map(
    (end) => Math.min(...byRedis.filter(({ sentAt }) => sentAt >= end).map(({ completedAt }) => completedAt)) - end,
  );
  return Math.max(0, ...recoveries.filter(Number.isFinite));
}

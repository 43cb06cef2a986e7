import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Shares one read among all callers that wait for it, so that a flood of callers costs few reads. No caller gets a
 * result that is older than its call: one that comes while a read is in progress waits for the next, which starts
 * `minIntervalMs` after the previous start at the earliest.
 */
export function shareReads<T>(read: () => Promise<T>, minIntervalMs: number): () => Promise<T> {
  let next: Promise<T> | undefined;
  let current: Promise<unknown> = Promise.resolve();
  let startedAt = Number.NEGATIVE_INFINITY;
  const readNext = async (): Promise<T> => {
    await current.catch(() => {}); // its own callers have its failure
    const waitMs = startedAt + minIntervalMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    next = undefined;
    startedAt = performance.now();
    const reading = read();
    current = reading;
    return reading;
  };
  return () => {
    next ??= readNext();
    return next;
  };
}

import { setTimeout as sleep } from 'node:timers/promises';

/** Longer than hashing a password and writing an account take on a machine that is not overloaded. */
const MIN_ANSWER_MS = 250;

/**
 * Does work and waits until a fixed time has passed since the call. The time to the answer then says nothing about what
 * was found, such as whether an address has an account.
 */
export async function padAnswer<Result>(work: () => Promise<Result>): Promise<Result> {
  const [result] = await Promise.allSettled([work(), sleep(MIN_ANSWER_MS)]);
  if (result.status === 'rejected') throw result.reason;
  return result.value;
}

import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves once the condition holds; rejects when it does not within 10 s. */
export async function becomesTrue(condition: () => boolean | Promise<boolean>): Promise<void> {
  const givenUpAt = performance.now() + 10_000;
  while (!(await condition())) {
    if (performance.now() > givenUpAt) throw new Error('what was waited for did not come within 10 s');
    await sleep(5);
  }
}

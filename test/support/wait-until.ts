import { setTimeout as sleep } from 'node:timers/promises';

const TIMEOUT_MS = 10_000;

/** Resolves once the condition holds. Rejects when it does not hold within 10 s. */
export async function waitUntil(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + TIMEOUT_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`the condition did not become true within ${TIMEOUT_MS} ms`);
    await sleep(5);
  }
}

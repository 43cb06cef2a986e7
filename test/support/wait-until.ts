import { setTimeout as sleep } from 'node:timers/promises';

/** Long enough for a machine that is busy with other work. */
const DEFAULT_TIMEOUT_MS = 20_000;

/** Resolves once the condition holds. Rejects when it does not hold in time, by default within 20 s. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  timeoutMs = DEFAULT_TIMEOUT_MS,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`the condition did not become true within ${timeoutMs} ms`);
    await sleep(5);
  }
}

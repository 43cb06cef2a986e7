/** A check of something that is deployed. `run` rejects with what is wrong. */
export interface DeployCheck {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** Thrown by a check that cannot run here. It neither passes nor fails. */
export class CheckNotRun extends Error {}

/** Runs checks one after the other and prints the result of each. Returns whether none failed. */
export async function runChecks(checks: readonly DeployCheck[]): Promise<boolean> {
  let failures = 0;
  let notRun = 0;
  for (const { name, run } of checks) {
    const startedAt = performance.now();
    try {
      await run();
      console.log(`ok      ${name} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
    } catch (error) {
      if (error instanceof CheckNotRun) {
        notRun++;
        console.log(`not run ${name}: ${error.message}`);
        continue;
      }
      failures++;
      console.log(`FAILED  ${name}\n${error instanceof Error ? error.message : error}`);
    }
  }
  console.log(`${checks.length - failures - notRun} passed, ${failures} failed, ${notRun} not run`);
  return failures === 0;
}

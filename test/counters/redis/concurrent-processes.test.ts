import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { startRedis } from '../../../provision/redis.ts';

const PROCESSES = 8;
const REQUESTS = 1000;
const execute = promisify(execFile);

/** Runs the program in many processes at once. Returns the hits that they were granted together. */
async function sumGrants(program: string, limit: number): Promise<number> {
  const redis = await startRedis();
  onTestFinished(redis.stop);
  const path = fileURLToPath(new URL(program, import.meta.url));
  const args = [path, redis.url, `test-${randomUUID()}`, `${REQUESTS}`, `${limit}`];
  const processes = Array.from({ length: PROCESSES }, () => execute(process.execPath, args));
  return (await Promise.all(processes)).reduce((sum, { stdout }) => sum + Number(stdout), 0);
}

it.each([1000, 60])('processes that share a counter are granted exactly its limit of %i together', async (limit) => {
  expect(await sumGrants('charging-process.ts', limit)).toBe(limit);
});

it('processes that share a counter with leases are granted at most its limit, and at least 95% of it', async () => {
  const granted = await sumGrants('leasing-process.ts', 1000);
  expect(granted).toBeLessThanOrEqual(1000);
  expect(granted).toBeGreaterThanOrEqual(950);
});

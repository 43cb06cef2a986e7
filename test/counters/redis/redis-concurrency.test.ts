import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { startRedis } from '../../../provision/redis.ts';

const PROCESSES = 8;
const REQUESTS = 1000;
const execute = promisify(execFile);

/** What all processes together are granted. */
async function grantedTogether(program: string, limit: number): Promise<number> {
  const redis = await startRedis();
  onTestFinished(redis.stop);
  const path = fileURLToPath(new URL(program, import.meta.url));
  const args = [path, redis.url, `test-${randomUUID()}`, `${REQUESTS}`, `${limit}`];
  const processes = Array.from({ length: PROCESSES }, () => execute(process.execPath, args));
  return (await Promise.all(processes)).reduce((sum, { stdout }) => sum + Number(stdout), 0);
}

it.each([1000, 60])(
  '8 processes with 1,000 requests each on one counter are granted exactly the limit: %i',
  async (limit) => {
    expect(await grantedTogether('charging-process.ts', limit)).toBe(limit);
  },
);

it('with leases they are granted at most the limit, and use at least 95% of it', async () => {
  const granted = await grantedTogether('leasing-process.ts', 1000);
  expect(granted).toBeLessThanOrEqual(1000);
  expect(granted).toBeGreaterThanOrEqual(950);
});

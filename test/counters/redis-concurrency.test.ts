import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { startRedis } from '../../provision/redis.ts';

const PROCESSES = 4;
const REQUESTS = 500;
const execute = promisify(execFile);
const program = fileURLToPath(new URL('charging-process.ts', import.meta.url));

it.each([300, 60])('several processes on one counter together grant exactly the limit: %i', async (limit) => {
  const redis = await startRedis();
  onTestFinished(redis.stop);
  const keyPrefix = `test-${randomUUID()}`;
  const granted = await Promise.all(
    Array.from({ length: PROCESSES }, async () => {
      const args = [program, redis.url, keyPrefix, `${REQUESTS}`, `${limit}`];
      return Number((await execute(process.execPath, args)).stdout);
    }),
  );
  expect(granted.reduce((sum, each) => sum + each, 0)).toBe(limit);
});

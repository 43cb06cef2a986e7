import { Redis } from 'ioredis';
import { describe, expect } from 'vitest';
import { countAttempts } from '../support/attempts.ts';
import { shouldRateLimit } from '../support/clients/decision-calls.ts';
import { test } from '../support/fixtures.ts';
import type { TestNode } from '../support/node.ts';
import { waitUntil } from '../support/wait-until.ts';

const OK = 1;
const OVER_LIMIT = 2;
const NAMES = countAttempts(200);
/** About what Envoy accepts in a header. */
const NAME_LENGTH = 50_000;
/** A counter takes about 200 bytes, and its name at most about 600. */
const MAX_BYTES_PER_NAME = 2_000;

const it = test.override(
  'rules',
  'domain: shop\ndescriptors:\n  - key: path\n    rate_limit: {requests: 2, window: 1h, on_store_failure: deny}\n',
);

/** Asks about a path until Redis has decided. */
async function decide(node: TestNode, path: string): Promise<number | undefined> {
  let code: number | undefined;
  await waitUntil(async () => {
    const { overallCode, dynamicMetadata } = await shouldRateLimit(node.decision, 'shop', ['path', path]);
    code = overallCode;
    return dynamicMetadata?.source !== 'fail-deny'; // Redis did not answer in time, on a busy machine
  });
  return code;
}

describe('long values of descriptors', () => {
  it('take no more memory of Redis than short ones', async ({ ownRedis, startNode }) => {
    const node = await startNode({ REDIS_URL: ownRedis.url });
    const client = new Redis(ownRedis.url);
    const readUsedMemory = async () => Number(/used_memory_dataset:(\d+)/.exec(await client.info('memory'))?.[1]);
    await decide(node, 'short');
    const before = await readUsedMemory();
    for (let index = 0; index < NAMES; index++) {
      expect(await decide(node, 'x'.repeat(NAME_LENGTH) + index)).toBe(OK);
    }
    expect((await readUsedMemory()) - before).toBeLessThan(NAMES * MAX_BYTES_PER_NAME + 1_000_000);
    client.disconnect();
  });

  it('are counted as precisely as short ones', async ({ redisNode }) => {
    const long = 'y'.repeat(NAME_LENGTH);
    const codes: unknown[] = [];
    for (const value of [long, long, long, `${long}y`, `z${long}`]) {
      codes.push(await decide(redisNode, value));
    }
    expect(codes).toEqual([OK, OK, OVER_LIMIT, OK, OK]);
  });
});

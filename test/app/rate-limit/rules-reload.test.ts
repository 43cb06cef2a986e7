import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startRedis } from '../../../provision/redis.ts';
import {
  RateLimitResponse_Code as Code,
  type RateLimitResponse,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { newDatabase } from '../../support/databases.ts';
import { TestNode } from '../../support/node.ts';

const SOON = { timeout: 20_000, interval: 50 };

function formatRules(requests: number, other = 1): string {
  return `domain: shop
descriptors:
  - {key: path, rate_limit: {requests: ${requests}, window: 1h, on_store_failure: deny}}
  - {key: other, rate_limit: {requests: ${other}, window: 1h, on_store_failure: deny}}
`;
}

describe.each(['memory', 'redis'])('a node with counters in %s whose rules file changes', (kind) => {
  let file: string;
  let node: TestNode;
  let stopRedis: (() => Promise<unknown>) | undefined;
  beforeEach(async () => {
    file = path.join(await mkdtemp(path.join(tmpdir(), 'weir-rules-')), 'rules.yaml');
    await writeFile(file, formatRules(3));
    const redis = kind === 'redis' ? await startRedis() : undefined;
    stopRedis = redis?.stop;
    node = await TestNode.start({ DATABASE_URL: await newDatabase(), RULES_PATH: file, REDIS_URL: redis?.url ?? '' });
    await expect.poll(isReady, SOON).toBe(true);
  });
  afterEach(async () => {
    await node?.stop();
    await stopRedis?.();
    await rm(path.dirname(file), { recursive: true, force: true });
  });

  const fetchPath = (pathname: string) => fetch(`http://127.0.0.1:${node.app.ports.http}${pathname}`);
  const isReady = async () => (await fetchPath('/readyz')).ok;
  const readMetric = async (metric: string) => {
    const text = await (await fetchPath('/metrics')).text();
    return text.split('\n').find((line) => line.startsWith(`${metric} `));
  };
  /** Repeats the call if Redis replies late, as on a busy machine. Such a call charges nothing. */
  const rateLimit = async (): Promise<RateLimitResponse> => {
    const response = await shouldRateLimit(node.decision, 'shop', ['path', '/a']);
    return response.dynamicMetadata?.source === 'fail-deny' ? rateLimit() : response;
  };
  const readRemaining = async () => (await rateLimit()).statuses[0]?.limitRemaining;

  it('keeps a counter when another limit changes, and when its own limit is raised or lowered', async () => {
    expect([await readRemaining(), await readRemaining()]).toEqual([2, 1]);
    await writeFile(file, formatRules(3, 9));
    await expect.poll(() => readMetric('weir_rules_reloads_total{result="taken_up"}'), SOON).toMatch(/ 1$/);
    expect(await readRemaining()).toBe(0);
    await writeFile(file, formatRules(100, 9));
    await expect.poll(() => readMetric('weir_rules_reloads_total{result="taken_up"}'), SOON).toMatch(/ 2$/);
    expect(await readRemaining()).toBe(96);
    await writeFile(file, formatRules(4, 9));
    await expect.poll(() => readMetric('weir_rules_reloads_total{result="taken_up"}'), SOON).toMatch(/ 3$/);
    expect((await rateLimit()).overallCode).toBe(Code.OVER_LIMIT);
  });

  it('stays ready with the previous rules while the file has faults, and a metric shows it', async () => {
    expect(await readRemaining()).toBe(2);
    await writeFile(file, formatRules(0));
    await expect.poll(() => readMetric('weir_rules_outdated'), SOON).toBe('weir_rules_outdated 1');
    expect(await readMetric('weir_rules_reloads_total{result="refused"}')).toMatch(/ 1$/);
    expect(await isReady()).toBe(true);
    expect(await readRemaining()).toBe(1);
    await writeFile(file, formatRules(9));
    await expect.poll(() => readMetric('weir_rules_outdated'), SOON).toBe('weir_rules_outdated 0');
    expect(await readRemaining()).toBe(6);
  });
});

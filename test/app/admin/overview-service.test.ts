import { describe, expect } from 'vitest';
import { RateLimitResponse_Code as Code } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import {
  type GetOverviewResponse,
  OverviewServiceService,
} from '../../../src/generated/weir/admin/v1/overview_service.ts';
import { GetStatusResponse_Health as Health } from '../../../src/generated/weir/admin/v1/status_service.ts';
import { check, shouldRateLimit } from '../../support/clients/decision-calls.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { STORES, test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const RULES = `domain: shop
descriptors:
  - {key: few, rate_limit: {requests: 1, window: 1h, on_store_failure: deny}}
`;
const it = test.override('rules', RULES);

const SOON = { timeout: 20_000, interval: 100 };

function getOverview(node: TestNode, headers: Headers): Promise<GetOverviewResponse> {
  return node.admin.call(OverviewServiceService.getOverview, {}, headers);
}

/** Maps each combination of question, verdict and source to its count. */
function mapCounts({ decisions }: GetOverviewResponse): Record<string, number> {
  const counts = decisions?.counts ?? [];
  return Object.fromEntries(
    counts.map(({ question, verdict, source, count }) => [`${question} ${verdict} ${source}`, count]),
  );
}

describe.for(STORES)('the overview of a node with counters in %s', (store) => {
  it('counts its decisions by question, verdict and source, and their times', async ({ nodes, administrator }) => {
    const node = nodes[store];
    const before = await getOverview(node, administrator);
    const codes: Code[] = [];
    for (let call = 0; call < 3; call++) {
      codes.push((await shouldRateLimit(node.decision, 'shop', ['few', 'a'])).overallCode);
    }
    expect(codes).toEqual([Code.OK, Code.OVER_LIMIT, Code.OVER_LIMIT]);
    await check(node.decision, { 'x-api-key': 'nobody has this key' });
    // Shared reads are up to 200 ms old.
    await expect
      .poll(async () => mapCounts(await getOverview(node, administrator))['check malformed_credential catalog'])
      .toBe(1);
    const overview = await getOverview(node, administrator);
    const counts = mapCounts(overview);
    expect(counts[`rate_limit ok ${store}`]).toBe(1);
    const rejected = Object.entries(counts).filter(([name]) => name.startsWith('rate_limit over_limit '));
    expect(rejected.reduce((sum, [, count]) => sum + count, 0)).toBe(2); // Redis' first rejection is repeated locally
    const latency = overview.decisions?.latencies.find(({ question }) => question === 'rate_limit');
    expect(latency).toMatchObject({ count: 3, sumSeconds: expect.any(Number) });
    const buckets = latency?.buckets ?? [];
    expect(buckets.at(0)?.maxSeconds).toBe(0.000_05);
    expect(buckets.at(-1)?.maxSeconds).toBe(1);
    const ascending = buckets.map(({ count }) => count).toSorted((one, other) => one - other);
    expect(buckets.map(({ count }) => count)).toEqual(ascending);
    expect(Number(overview.readTime)).toBeGreaterThan(Number(before.readTime));
  });

  it('names the node, its state, the rules in force and where the counters are', async ({ nodes, administrator }) => {
    const overview = await getOverview(nodes[store], administrator);
    expect(overview).toMatchObject({
      node: expect.stringMatching(/\w/),
      role: 'all',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      health: Health.HEALTHY,
      rules: { version: expect.stringMatching(/^[0-9a-f]{16}$/), loadTime: expect.any(Date) },
      catalogAgeSeconds: expect.any(Number),
      counterStore: { kind: store, reachable: true },
    });
    expect(overview.parts.map(({ name }) => name)).toEqual(expect.arrayContaining(['postgres', 'counters', 'rules']));
    expect(Number(overview.startTime)).toBeLessThan(Number(overview.readTime));
    if (store === 'redis') {
      await expect.poll(async () => (await getOverview(nodes[store], administrator)).liveNodes).toBe(1);
    } else expect(overview.liveNodes).toBeUndefined();
  });
});

describe('the overview', () => {
  it('of a node with the role admin leaves decisions out, and one with the role decision counts its own', async ({
    administrator,
    startNode,
  }) => {
    const admin = await startNode({ WEIR_ROLE: 'admin' });
    const withoutDecisions = { role: 'admin', decisions: undefined, rules: { version: expect.any(String) } };
    // A node that has just started may take a moment to verify its first token.
    await expect.poll(() => getOverview(admin, administrator), SOON).toMatchObject(withoutDecisions);
    const follower = await startNode({ WEIR_ROLE: 'decision' });
    await shouldRateLimit(follower.decision, 'shop', ['other', 'a']);
    const readCounts = async () => mapCounts(await getOverview(follower, administrator));
    await expect.poll(readCounts, SOON).toEqual({ 'rate_limit ok rules': 1 });
  });
});

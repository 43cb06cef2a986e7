import { describe, expect } from 'vitest';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  type RateLimitResponse,
  RateLimitServiceService,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { type Nodes, STORES, test } from '../../support/fixtures.ts';

const RULES = `domain: penalties
descriptors:
  - key: account
    descriptors:
      - key: device
        rate_limit: {requests: 3, window: 15s, block_for: 1h, on_store_failure: deny}
`;

const it = test.override('rules', RULES);

describe.for(STORES)('penalties for failed requests, with counters in %s', (store) => {
  const rateLimit = (nodes: Nodes, device: string, hitsAddend: number): Promise<RateLimitResponse> => {
    const node = nodes[store];
    const entries = [
      { key: 'account', value: `a-${store}-${process.pid}` },
      { key: 'device', value: device },
    ];
    const request = RateLimitRequest.fromPartial({ domain: 'penalties', descriptors: [{ entries, hitsAddend }] });
    return node.decision.call(RateLimitServiceService.shouldRateLimit, request);
  };
  /** The call at the start of a request. Charges nothing. */
  const peek = async (nodes: Nodes, device: string) => (await rateLimit(nodes, device, 0)).overallCode;
  /** The call at the end of a request that failed. */
  const chargeFailure = (nodes: Nodes, device: string) => rateLimit(nodes, device, 1);

  it('never reject a device without failures', async ({ nodes }) => {
    for (let request = 0; request < 20; request++) expect(await peek(nodes, 'good')).toBe(Code.OK);
    expect((await rateLimit(nodes, 'good', 0)).statuses[0]?.limitRemaining).toBe(3);
  });

  it('reject a device after the failure that exceeds the limit, until its block ends', async ({ nodes }) => {
    for (let failure = 0; failure < 3; failure++) {
      expect(await peek(nodes, 'bad')).toBe(Code.OK);
      await chargeFailure(nodes, 'bad');
    }
    expect(await peek(nodes, 'bad')).toBe(Code.OK);
    await chargeFailure(nodes, 'bad');
    const rejected = await rateLimit(nodes, 'bad', 0);
    expect(rejected.overallCode).toBe(Code.OVER_LIMIT);
    const retryAfter = Number(rejected.responseHeadersToAdd.find(({ key }) => key === 'retry-after')?.value);
    expect(retryAfter).toBeGreaterThan(3500);
    expect(retryAfter).toBeLessThanOrEqual(3600);
    // Requests in flight that also fail do not extend the block. Another device is not blocked.
    await chargeFailure(nodes, 'bad');
    expect(Number((await rateLimit(nodes, 'bad', 0)).statuses[0]?.durationUntilReset?.seconds)).toBeLessThanOrEqual(
      retryAfter,
    );
    expect(await peek(nodes, 'good')).toBe(Code.OK);
  });

  it('reject a device after a failure that costs more than remains', async ({ nodes }) => {
    await rateLimit(nodes, 'worse', 2);
    await rateLimit(nodes, 'worse', 2);
    expect(await peek(nodes, 'worse')).toBe(Code.OVER_LIMIT);
  });
});

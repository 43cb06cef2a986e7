import { describe, expect, it } from 'vitest';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  type RateLimitResponse,
  RateLimitServiceService,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { useMemoryAndRedis } from '../../support/rules-nodes.ts';

const RULES = `domain: penalties
descriptors:
  - key: account
    descriptors:
      - key: device
        rate_limit: {requests: 3, window: 15s, block_for: 1h, on_store_failure: deny}
`;

const nodeAt = useMemoryAndRedis(RULES);

describe.each([
  [0, 'memory'],
  [1, 'Redis'],
])('penalties with counters in %#: %s', (place) => {
  const ask = (device: string, hitsAddend: number): Promise<RateLimitResponse> => {
    const node = nodeAt(place);
    const entries = [
      { key: 'account', value: `a-${place}-${process.pid}` },
      { key: 'device', value: device },
    ];
    const request = RateLimitRequest.fromPartial({ domain: 'penalties', descriptors: [{ entries, hitsAddend }] });
    return node.decision.call(RateLimitServiceService.shouldRateLimit, request);
  };
  /** When the request comes. */
  const look = async (device: string) => (await ask(device, 0)).overallCode;
  /** When its stream ends, and only if it went wrong. */
  const wentWrong = (device: string) => ask(device, 1);

  it('let whoever does nothing wrong pass, however often they ask', async () => {
    for (let request = 0; request < 20; request++) expect(await look('good')).toBe(Code.OK);
    expect((await ask('good', 0)).statuses[0]?.limitRemaining).toBe(3);
  });

  it('refuse from the failure on that goes beyond the limit, for as long as the block lasts', async () => {
    for (let failure = 0; failure < 3; failure++) {
      expect(await look('bad')).toBe(Code.OK);
      await wentWrong('bad');
    }
    expect(await look('bad')).toBe(Code.OK);
    await wentWrong('bad');
    const refused = await ask('bad', 0);
    expect(refused.overallCode).toBe(Code.OVER_LIMIT);
    const retryAfter = Number(refused.responseHeadersToAdd.find(({ key }) => key === 'retry-after')?.value);
    expect(retryAfter).toBeGreaterThan(3500);
    expect(retryAfter).toBeLessThanOrEqual(3600);
    // Requests that were under way then, and go wrong too, do not make it longer; another device is not blocked.
    await wentWrong('bad');
    expect(Number((await ask('bad', 0)).statuses[0]?.durationUntilReset?.seconds)).toBeLessThanOrEqual(retryAfter);
    expect(await look('good')).toBe(Code.OK);
  });

  it('refuse when one failure costs more than is left', async () => {
    await ask('worse', 2);
    await ask('worse', 2);
    expect(await look('worse')).toBe(Code.OVER_LIMIT);
  });
});

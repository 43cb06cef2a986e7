import { describe, expect } from 'vitest';
import { AUTHZ_AND_RATE_LIMIT_PATH } from '../../demo/checks/check.ts';
import { RATE_LIMIT_FILTER, setFilterField } from '../../demo/envoy-configuration.ts';
import { test } from '../support/fixtures.ts';
import { sendThrough } from '../support/weir-behind-envoy.ts';

const it = test.override('environment', { RATE_LIMIT_HEADERS: 'off' });

describe('with RATE_LIMIT_HEADERS=off', () => {
  it('Envoy fills its own x-ratelimit-* and retry-after from Weir’s statuses', async ({ weir, administrator }) => {
    await weir.node.createPlan(administrator, 'two', 2);
    const { secret } = await weir.node.createKey(administrator, 'two');
    const origin = await weir.envoy(
      setFilterField(RATE_LIMIT_FILTER, ['enable_x_ratelimit_headers'], 'DRAFT_VERSION_03'),
      setFilterField(RATE_LIMIT_FILTER, ['enable_retry_after_header'], true),
    );
    const expected = [
      { status: 200, remaining: '1', retryAfter: undefined },
      { status: 200, remaining: '0', retryAfter: undefined },
      { status: 429, remaining: '0', retryAfter: expect.stringMatching(/^(5\d|60)$/) },
    ];
    for (const { status, remaining, retryAfter } of expected) {
      const { response } = await sendThrough(origin, {
        path: AUTHZ_AND_RATE_LIMIT_PATH,
        headers: [['x-api-key', secret]],
      });
      const { headers } = response;
      const received = [response.status, headers['x-ratelimit-remaining'], headers['retry-after']];
      expect(received).toEqual([status, remaining, retryAfter]);
      // First the tightest limit, then every limit with its window and name.
      expect(headers['x-ratelimit-limit']).toMatch(/^2, 2;w=60(;name="[^"]+")?/);
      expect(headers['x-ratelimit-reset']).toMatch(/^(5\d|60)$/);
    }
  });
});

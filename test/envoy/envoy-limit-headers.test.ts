import { describe, expect } from 'vitest';
import { AUTHZ_AND_RATE_LIMIT_PATH, AUTHZ_ONLY_PATH } from '../../demo/checks/check.ts';
import { RATE_LIMIT_FILTER, setFilterField } from '../../demo/envoy-configuration.ts';
import { sendThrough } from '../support/envoy/weir-behind-envoy.ts';
import { test as it } from '../support/fixtures.ts';

const OLDER_HEADERS = ['x-ratelimit-limit', 'x-ratelimit-remaining', 'x-ratelimit-reset'];

describe('with RATE_LIMIT_HEADERS=auto', () => {
  it('clients get each header once, with x-ratelimit-* from Envoy', async ({ weir, administrator }) => {
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
      expect(headers['x-ratelimit-limit']).toMatch(/^2, 2;w=60(;name="[^"]+")?$/);
      expect(headers['x-ratelimit-reset']).toMatch(/^(5\d|60)$/);
      expect(headers['ratelimit-policy']).toMatch(/^"[^"]+";q=2;w=60$/);
      expect(headers.ratelimit).toMatch(new RegExp(`^"[^"]+";r=${remaining};t=(5\\d|60)$`));
    }
  });

  it('x-ratelimit-* come from Check alone if Envoy is not asked for them', async ({ weir, administrator }) => {
    await weir.node.createPlan(administrator, 'nine', 9);
    const { secret } = await weir.node.createKey(administrator, 'nine');
    const origin = await weir.envoy(setFilterField(RATE_LIMIT_FILTER, ['enable_x_ratelimit_headers'], 'OFF'));
    const receiveOlder = async (path: string) => {
      const { response } = await sendThrough(origin, { path, headers: [['x-api-key', secret]] });
      expect(response.status).toBe(200);
      expect(response.headers).toHaveProperty('ratelimit-policy');
      return OLDER_HEADERS.filter((name) => name in response.headers);
    };
    expect(await receiveOlder(AUTHZ_AND_RATE_LIMIT_PATH)).toEqual([]);
    expect(await receiveOlder(AUTHZ_ONLY_PATH)).toEqual(OLDER_HEADERS);
  });
});

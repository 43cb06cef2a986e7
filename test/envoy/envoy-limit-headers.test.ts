import { afterAll, beforeAll, expect, it } from 'vitest';
import { BOTH_FILTERS } from '../../demo/checks/check.ts';
import { ofFilter, RATE_LIMIT } from '../../demo/envoy.ts';
import { WeirBehindEnvoy, sendThrough } from '../support/weir-behind-envoy.ts';
import { newDatabase } from '../support/databases.ts';

let weir: WeirBehindEnvoy;

beforeAll(async () => {
  weir = await WeirBehindEnvoy.start({ DATABASE_URL: await newDatabase(), RATE_LIMIT_HEADERS: 'off' });
}, 600_000);
afterAll(() => weir?.stop());

it('Envoy fills its own x-ratelimit-* and retry-after from Weir’s statuses, where Weir leaves them to it', async () => {
  const administrator = await weir.node.signIn();
  await weir.node.createPlan(administrator, 'two', 2);
  const { secret } = await weir.node.createKey(administrator, 'two');
  const origin = await weir.envoy(
    ofFilter(RATE_LIMIT, ['enable_x_ratelimit_headers'], 'DRAFT_VERSION_03'),
    ofFilter(RATE_LIMIT, ['enable_retry_after_header'], true),
  );
  const expected = [
    { status: 200, remaining: '1', retry: undefined },
    { status: 200, remaining: '0', retry: undefined },
    { status: 429, remaining: '0', retry: expect.stringMatching(/^(5\d|60)$/) },
  ];
  for (const { status, remaining, retry } of expected) {
    const { answer } = await sendThrough(origin, { path: BOTH_FILTERS, headers: [['x-api-key', secret]] });
    const { headers } = answer;
    const told = [answer.status, headers['x-ratelimit-remaining'], headers['retry-after']];
    expect(told).toEqual([status, remaining, retry]);
    // The tightest limit, then every limit with its window and name.
    expect(headers['x-ratelimit-limit']).toMatch(/^2, 2;w=60(;name="[^"]+")?/);
    expect(headers['x-ratelimit-reset']).toMatch(/^(5\d|60)$/);
  }
});

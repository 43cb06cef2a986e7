import { describe, expect } from 'vitest';
import {
  RateLimitResponse_Code as Code,
  RateLimitRequest,
  type RateLimitResponse,
  RateLimitServiceService,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { STORES, test } from '../../support/fixtures.ts';

/** Names that rules files of envoyproxy/ratelimit may have, and how headers quote them. */
const NAMES = [
  ['freeTier', '"freeTier"'],
  ['billing.default', '"billing.default"'],
  ['per user limit', '"per user limit"'],
  ['team/eu|50% "off"', '"team/eu|50% \\"off\\""'],
  ['größe 漢字', '"gr%C3%B6%C3%9Fe %E6%BC%A2%E5%AD%97"'],
  ['C:\\{a}\\*', '"C:\\\\{a}\\\\*"'],
  ['n'.repeat(255), `"${'n'.repeat(255)}"`],
] as const;

const RULES = `domain: "Shop, EU {1}"
descriptors:
${NAMES.map(
  ([name], index) => `  - key: "k ${index}"
    value: "say \\"hi\\"\\\\ | 50% {a}"
    rate_limit: {name: ${JSON.stringify(name)}, requests: 2, window: 1h, on_store_failure: deny}
`,
).join('')}
  - key: twins
    limits:
      - {name: "a b", requests: 9, window: 1h}
      - {name: "a%20b", requests: 8, window: 1h}
  - key: cheap
    rate_limit: {name: "in the shop", unit: hour, requests_per_unit: 1}
  - key: better
    rate_limit: {unit: hour, requests_per_unit: 5, replaces: [{name: "in the shop"}]}
  - key: job
    rate_limit: {name: "jobs in flight: größe", requests: 1, window: 1h, algorithm: concurrency, on_store_failure: deny}
  - key: nameless
    rate_limit: {name: "", unit: hour, requests_per_unit: 5}
`;

const it = test.override('rules', RULES);

function headersOf({ responseHeadersToAdd }: RateLimitResponse): Record<string, string> {
  return Object.fromEntries(responseHeadersToAdd.map(({ key, value }) => [key, value]));
}

describe.for(STORES)('free text of a rules file, with counters in %s', (store) => {
  const domain = 'Shop, EU {1}';
  const value = 'say "hi"\\ | 50% {a}';

  it('names limits in metadata and statuses as written, and in headers as a quoted string', async ({ nodes }) => {
    for (const [index, [name, quoted]] of NAMES.entries()) {
      const ask = () => shouldRateLimit(nodes[store].decision, domain, [`k ${index}`, value]);
      const granted = await ask();
      expect(granted.overallCode).toBe(Code.OK);
      expect(granted.dynamicMetadata).toMatchObject({ limit: name, remaining: 1 });
      expect(headersOf(granted)).toMatchObject({
        'ratelimit-policy': `${quoted};q=2;w=3600`,
        ratelimit: expect.stringMatching(/";r=1;t=\d+$/),
      });
      await ask();
      const rejected = await ask();
      expect(rejected.overallCode).toBe(Code.OVER_LIMIT);
      expect(headersOf(rejected).ratelimit).toMatch(/";r=0;t=\d+$/);
      expect(headersOf(rejected).ratelimit?.startsWith(quoted)).toBe(true);
    }
  });

  it('keeps counters of names apart that are written alike', async ({ nodes }) => {
    const answer = await shouldRateLimit(nodes[store].decision, domain, ['twins', store]);
    expect(headersOf(answer).ratelimit).toMatch(/^"a b";r=8;t=\d+, "a%20b";r=7;t=\d+$/);
  });

  it('lets a rule replace a limit by such a name, and takes an empty name for none', async ({ nodes }) => {
    const { decision } = nodes[store];
    for (let request = 0; request < 2; request++) {
      const answer = await shouldRateLimit(decision, domain, ['cheap', store], ['better', store]);
      expect(answer.overallCode).toBe(Code.OK);
    }
    const nameless = await shouldRateLimit(decision, domain, ['nameless', store]);
    expect(nameless.dynamicMetadata).toMatchObject({ limit: '1h' });
  });

  it('releases the slot of a limit with such a name by its receipt', async ({ nodes }) => {
    const { decision } = nodes[store];
    const ask = () => shouldRateLimit(decision, domain, ['job', store]);
    const taken = await ask();
    expect([taken.overallCode, (await ask()).overallCode]).toEqual([Code.OK, Code.OVER_LIMIT]);
    const receipt = { entries: [{ key: 'receipt', value: String(taken.dynamicMetadata?.receipt) }] };
    await decision.call(
      RateLimitServiceService.shouldRateLimit,
      RateLimitRequest.fromPartial({ domain, descriptors: [{ ...receipt, hitsAddend: 1, isNegativeHits: true }] }),
    );
    await expect.poll(async () => (await ask()).overallCode).toBe(Code.OK);
  });

  it('escapes the names of rules in the labels of metrics', async ({ nodes }) => {
    await shouldRateLimit(nodes[store].decision, domain, ['k 0', value]);
    const metrics = await nodes[store].metrics();
    expect(metrics).toContain(
      'weir_rule_decisions_total{rule="Shop, EU {1}.k 0_say \\"hi\\"\\\\ | 50% {a}",verdict="over_limit"}',
    );
  });
});

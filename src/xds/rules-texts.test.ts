import { expect, it } from 'vitest';
import { RateLimitConfig, RateLimitUnit } from '../generated/ratelimit/config/ratelimit/v3/rls_conf.ts';
import { RATE_LIMIT_CONFIG_TYPE } from './ads-state.ts';
import { formatRulesTexts, InvalidResource } from './rules-texts.ts';

it('turns a resource into the text of a rules file, with all of its fields', () => {
  const config = RateLimitConfig.fromPartial({
    name: 'first-listener',
    domain: 'shop',
    descriptors: [
      {
        key: 'route',
        value: 'a',
        descriptors: [
          {
            key: 'user',
            rateLimit: { unit: RateLimitUnit.WEEK, requestsPerUnit: 3, name: 'n', replaces: [{ name: 'm' }] },
            shadowMode: true,
            detailedMetric: true,
          },
          { key: 'free', rateLimit: { unlimited: true }, quotaMode: true, metadata: { a: 1 } },
          { key: 'faulty', rateLimit: { requestsPerUnit: 1 } },
        ],
      },
    ],
  });
  const [text] = formatRulesTexts([
    { typeUrl: RATE_LIMIT_CONFIG_TYPE, value: Buffer.from(RateLimitConfig.encode(config).finish()) },
  ]);
  expect(text?.name).toBe('first-listener');
  expect(JSON.parse(text?.text ?? '')).toEqual({
    domain: 'shop',
    descriptors: [
      {
        key: 'route',
        value: 'a',
        descriptors: [
          {
            key: 'user',
            rate_limit: { unit: 'WEEK', requests_per_unit: 3, name: 'n', replaces: [{ name: 'm' }] },
            shadow_mode: true,
            detailed_metric: true,
          },
          { key: 'free', rate_limit: { unlimited: true }, quota_mode: true, metadata: { a: 1 } },
          { key: 'faulty', rate_limit: { unit: 'UNKNOWN', requests_per_unit: 1 } },
        ],
      },
    ],
  });
});

it('names a resource that is no RateLimitConfig', () => {
  const other = { typeUrl: 'type.googleapis.com/other', value: Buffer.alloc(0) };
  expect(() => formatRulesTexts([other])).toThrow(
    new InvalidResource(`resources[0].type_url: must be ${RATE_LIMIT_CONFIG_TYPE}`),
  );
  const broken = { typeUrl: RATE_LIMIT_CONFIG_TYPE, value: Buffer.from([0xff]) };
  expect(() => formatRulesTexts([broken])).toThrow(
    new InvalidResource('resources[0].value: must be a RateLimitConfig'),
  );
});

import { pino } from 'pino';
import { describe, expect } from 'vitest';
import { RateLimitResponse_Code as Code } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';

const logLines: string[] = [];
const it = test.override('log', pino({ level: 'warn' }, { write: (line) => void logLines.push(line) }));

describe('a descriptor of the domain plans with a misspelled key', () => {
  it.for(['apikey', 'api-key', 'API_KEY', 'acount', 'accounts', 'Account'])(
    'is over the limit, because its plan cannot be charged: %j',
    async (key, { node }) => {
      const { overallCode, statuses, dynamicMetadata } = await shouldRateLimit(node.decision, 'plans', [key, 'x']);
      expect(overallCode).toBe(Code.OVER_LIMIT);
      expect(statuses).toMatchObject([{ code: Code.OVER_LIMIT }]);
      expect(dynamicMetadata).toMatchObject({ code: 'invalid_configuration', descriptor_key: `plans.${key}` });
    },
  );

  it('is in the log once a minute, and in the metrics', async ({ node, metrics }) => {
    for (let index = 0; index < 3; index++) await shouldRateLimit(node.decision, 'plans', ['api_kye', 'x']);
    expect(logLines.filter((line) => line.includes('plans.api_kye'))).toEqual([
      expect.stringContaining('did you mean api_key?'),
    ]);
    expect(await metrics()).toContain('weir_configuration_faults_total{name="plans.api_kye",result="denied"} 3');
  });

  it('passes, logged and counted, with UNKNOWN_EXTENSIONS=warn', async ({ startNode }) => {
    const lenient = await startNode({ UNKNOWN_EXTENSIONS: 'warn' });
    const { overallCode } = await shouldRateLimit(lenient.decision, 'plans', ['apikeys', 'x']);
    expect(overallCode).toBe(Code.OK);
    expect(await lenient.metrics()).toContain(
      'weir_configuration_faults_total{name="plans.apikeys",result="ignored"} 1',
    );
  });

  it('does not matter in another domain, nor do keys that only rules could name', async ({ node }) => {
    expect((await shouldRateLimit(node.decision, 'shop', ['apikey', 'x'])).overallCode).toBe(Code.OK);
    for (const key of ['remote_address', 'receipt', 'amount', 'count', 'router']) {
      expect((await shouldRateLimit(node.decision, 'plans', [key, 'x'])).overallCode).toBe(Code.OK);
    }
  });
});

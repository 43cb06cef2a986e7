import { pino } from 'pino';
import { describe, expect } from 'vitest';
import { addedHeaders, check, httpStatus, parseDenial } from '../../support/clients/decision-calls.ts';
import { test } from '../../support/fixtures.ts';

const logLines: string[] = [];
const it = test.override('log', pino({ level: 'warn' }, { write: (line) => void logLines.push(line) }));
it.beforeAll(({ node, administrator }) => node.createPlan(administrator, 'team', 5));

describe('weir.cost', () => {
  it('is the charge of a request; a request that does not fit is charged nothing', async ({ node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'team');
    const ask = async (cost: string) => {
      const response = await check(node.decision, { 'x-api-key': secret }, { 'weir.cost': cost });
      return [httpStatus(response), addedHeaders(response)['x-ratelimit-remaining']];
    };
    expect(await ask('3')).toEqual([200, '2']);
    expect(await ask('3')).toEqual([429, undefined]);
    expect(await ask('0')).toEqual([200, '2']);
    expect(await ask('2')).toEqual([200, '0']);
  });

  it.for(['', '-1', 'ten', '1.5', '99999999999'])(
    'with the value %j denies every request with 500 and names the extension',
    async (cost, { node, administrator }) => {
      const { secret } = await node.createKey(administrator, 'team');
      for (const headers of [{}, { 'x-api-key': secret }]) {
        const extensions = { 'weir.cost': cost, 'weir.auth': 'optional' };
        const denied = await check(node.decision, headers, extensions);
        expect(httpStatus(denied)).toBe(500);
        expect(parseDenial(denied)).toMatchObject({
          code: 'invalid_configuration',
          message: expect.stringContaining('weir.cost'),
        });
      }
    },
  );
});

describe('weir.auth: optional', () => {
  const optional = { 'weir.auth': 'optional' };

  it('allows a request without a credential and removes the identity headers that it claims', async ({ node }) => {
    const claimed = {
      'x-weir-account': 'a',
      'x-weir-key': 'k',
      'x-weir-plan': 'enterprise',
      x_weir_plan: 'enterprise',
    };
    const response = await check(node.decision, claimed, optional);
    expect(httpStatus(response)).toBe(200);
    const ok = response.httpResponse?.$case === 'okResponse' ? response.httpResponse.value : undefined;
    expect(ok?.headers).toEqual([]);
    expect(ok?.headersToRemove.toSorted()).toEqual(Object.keys(claimed).toSorted());
    expect(response.dynamicMetadata).toEqual({ source: 'catalog', request_id: expect.any(String) });
  });

  it('still denies a wrong credential, and charges a valid one', async ({ node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'team');
    expect(httpStatus(await check(node.decision, { 'x-api-key': 'garbage' }, optional))).toBe(401);
    expect(httpStatus(await check(node.decision, { 'x-api-key': `wk_live_${'0'.repeat(28)}` }, optional))).toBe(401);
    const response = await check(node.decision, { authorization: `Bearer ${secret}` }, optional);
    expect(addedHeaders(response)['x-ratelimit-remaining']).toBe('4');
  });
});

describe('a context extension that Weir does not understand', () => {
  const TYPOS: readonly (readonly [key: string, value: string])[] = [
    ['weir.reqire', 'export'],
    ['weir.rate_limit', 'of'],
    ['weir.auth', 'optionl'],
    ['weir_auth', 'optional'],
    ['wier.require', 'export'],
    ['weir.require', ''],
    ['weir.route', ' '],
    ['weir.', ''],
  ];

  it.for(TYPOS)('denies every request: %s: %j', async ([key, value], { node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'team');
    for (const headers of [{}, { 'x-api-key': secret }]) {
      const response = await check(node.decision, headers, { [key]: value });
      expect(httpStatus(response)).toBe(500);
      expect(parseDenial(response)?.code).toBe('invalid_configuration');
      expect(response.dynamicMetadata).toMatchObject({ code: 'invalid_configuration', extension: key });
    }
  });

  it('is in the log once a minute, and in the metrics', async ({ node, metrics }) => {
    for (let index = 0; index < 3; index++) await check(node.decision, {}, { 'weir.rqeuire': 'export' });
    expect(logLines.filter((line) => line.includes('weir.rqeuire'))).toEqual([
      expect.stringContaining('did you mean weir.require?'),
    ]);
    expect(await metrics()).toContain('weir_configuration_faults_total{name="weir.rqeuire",result="denied"} 3');
  });

  it('is ignored, logged and counted with UNKNOWN_EXTENSIONS=warn', async ({ startNode, administrator, node }) => {
    const { secret } = await node.createKey(administrator, 'team');
    const lenient = await startNode({ UNKNOWN_EXTENSIONS: 'warn' });
    const extensions = { 'weir.shape': 'round', 'weir.auth': 'maybe' };
    const response = await check(lenient.decision, { 'x-api-key': secret }, extensions);
    expect(httpStatus(response)).toBe(200);
    expect(httpStatus(await check(lenient.decision, {}, extensions))).toBe(401);
    expect(await lenient.metrics()).toContain('weir_configuration_faults_total{name="weir.shape",result="ignored"} 2');
    expect(logLines.filter((line) => line.includes('weir.shape'))).toHaveLength(1);
  });

  it('does not matter if it is for another service', async ({ node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'team');
    const response = await check(node.decision, { 'x-api-key': secret }, { virtual_host: 'local_service' });
    expect(httpStatus(response)).toBe(200);
  });

  it('may be written in any case if it is unambiguous', async ({ node }) => {
    expect(httpStatus(await check(node.decision, {}, { 'Weir.Auth': 'Optional' }))).toBe(200);
    expect(httpStatus(await check(node.decision, {}, { 'weir.auth': 'REQUIRED' }))).toBe(401);
  });
});

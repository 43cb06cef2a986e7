import { describe, expect } from 'vitest';
import { addedHeaders, check, httpStatus, parseDenial } from '../../support/decision-calls.ts';
import { test } from '../../support/fixtures.ts';

const it = test;
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
    expect(response.dynamicMetadata).toEqual({ source: 'catalog' });
  });

  it('still denies a wrong credential, and charges a valid one', async ({ node, administrator }) => {
    const { secret } = await node.createKey(administrator, 'team');
    expect(httpStatus(await check(node.decision, { 'x-api-key': 'garbage' }, optional))).toBe(401);
    expect(httpStatus(await check(node.decision, { 'x-api-key': `wk_live_${'0'.repeat(28)}` }, optional))).toBe(401);
    const response = await check(node.decision, { authorization: `Bearer ${secret}` }, optional);
    expect(addedHeaders(response)['x-ratelimit-remaining']).toBe('4');
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newDatabase } from '../../support/databases.ts';
import type { Headers } from '../../support/grpc.ts';
import { TestNode } from '../../support/node.ts';
import { check, errorOf, headersOf, statusOf } from '../../support/questions.ts';

let node: TestNode;
let administrator: Headers;

beforeAll(async () => {
  node = await TestNode.start({ DATABASE_URL: await newDatabase() });
  administrator = await node.signIn();
  await node.createPlan(administrator, 'team', 5);
});
afterAll(() => node?.stop());

describe('weir.cost', () => {
  it('is what a request is charged, and a request that does not fit is charged nothing', async () => {
    const { secret } = await node.createKey(administrator, 'team');
    const asked = async (cost: string) => {
      const answer = await check(node.decision, { 'x-api-key': secret }, { 'weir.cost': cost });
      return [statusOf(answer), headersOf(answer)['x-ratelimit-remaining']];
    };
    expect(await asked('3')).toEqual([200, '2']);
    expect(await asked('3')).toEqual([429, undefined]);
    expect(await asked('0')).toEqual([200, '2']);
    expect(await asked('2')).toEqual([200, '0']);
  });

  it.each(['', '-1', 'ten', '1.5', '99999999999'])(
    'that is %j lets nobody in, and says what is wrong',
    async (cost) => {
      const { secret } = await node.createKey(administrator, 'team');
      for (const headers of [{}, { 'x-api-key': secret }]) {
        const extensions = { 'weir.cost': cost, 'weir.auth': 'optional' };
        const refused = await check(node.decision, headers, extensions);
        expect(statusOf(refused)).toBe(500);
        expect(errorOf(refused)).toMatchObject({
          code: 'invalid_configuration',
          message: expect.stringContaining('weir.cost'),
        });
      }
    },
  );
});

describe('weir.auth: optional', () => {
  const optional = { 'weir.auth': 'optional' };

  it('lets in who has no credential, without the identity that they claim', async () => {
    const claimed = {
      'x-weir-account': 'a',
      'x-weir-key': 'k',
      'x-weir-plan': 'enterprise',
      x_weir_plan: 'enterprise',
    };
    const answer = await check(node.decision, claimed, optional);
    expect(statusOf(answer)).toBe(200);
    const ok = answer.httpResponse?.$case === 'okResponse' ? answer.httpResponse.value : undefined;
    expect(ok?.headers).toEqual([]);
    expect(ok?.headersToRemove.toSorted()).toEqual(Object.keys(claimed).toSorted());
    expect(answer.dynamicMetadata).toEqual({ source: 'catalog' });
  });

  it('refuses a wrong credential all the same, and charges a good one', async () => {
    const { secret } = await node.createKey(administrator, 'team');
    expect(statusOf(await check(node.decision, { 'x-api-key': 'garbage' }, optional))).toBe(401);
    expect(statusOf(await check(node.decision, { 'x-api-key': `wk_live_${'0'.repeat(28)}` }, optional))).toBe(401);
    const answer = await check(node.decision, { authorization: `Bearer ${secret}` }, optional);
    expect(headersOf(answer)['x-ratelimit-remaining']).toBe('4');
  });
});

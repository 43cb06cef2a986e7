import { describe, expect } from 'vitest';
import { ApiKeyServiceService } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import {
  BlockCounterRequest,
  type Counter,
  type CounterSubject,
  CounterServiceService as Counters,
  GetCounterRequest,
} from '../../../src/generated/weir/admin/v1/counter_service.ts';
import { Limit } from '../../../src/generated/weir/admin/v1/limit.ts';
import { IssueTokenRequest, TokenServiceService } from '../../../src/generated/weir/admin/v1/token_service.ts';
import { check, httpStatus } from '../../support/clients/decision-calls.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';
import { makeTokenKey, signToken } from '../../support/servers/identity-provider.ts';

const it = test.extend('key', { scope: 'file' }, () => makeTokenKey('EdDSA'));

const [INVALID_ARGUMENT, NOT_FOUND] = [3, 5];

type Subject = Parameters<typeof CounterSubject.fromPartial>[0]['subject'];

const request = (subject: Subject, limit = '') => GetCounterRequest.fromPartial({ subject: { subject }, limit });
const blockRequest = (subject: Subject) => BlockCounterRequest.fromPartial({ subject: { subject }, duration: '1h' });
const tokenAccount = (account: string, issuer = '', plan = ''): Subject => ({
  $case: 'tokenAccount',
  value: { account, issuer, plan },
});

async function issueToken(node: TestNode, administrator: Headers, fields: Partial<IssueTokenRequest>): Promise<string> {
  const issueRequest = IssueTokenRequest.fromPartial({ account: 'machine', ttl: '1h', ...fields });
  return (await node.admin.call(TokenServiceService.issueToken, issueRequest, administrator)).token;
}

const checkToken = async (node: TestNode, token: string) =>
  httpStatus(await check(node.decision, { authorization: `Bearer ${token}` }));

function mapRemaining({ limits }: Counter): Record<string, number> {
  return Object.fromEntries(limits.map(({ label, remaining }) => [label, remaining]));
}

describe('the counters of a stateless token', () => {
  it('are those of its plan and its own, found by the token', async ({ node, administrator }) => {
    await node.createPlan(administrator, 'machines', 5);
    const own = Limit.create({ name: 'own', requests: 3, window: '1h' });
    const fields = { plan: 'plans/machines', limits: [own], account: 'by-token' };
    const token = await issueToken(node, administrator, fields);
    expect([await checkToken(node, token), await checkToken(node, token)]).toEqual([200, 200]);
    const subject: Subject = { $case: 'token', value: token };
    const counter = await node.admin.call(Counters.getCounter, request(subject), administrator);
    const [ownLabel] = counter.limits.map(({ label }) => label).filter((label) => label.startsWith('tokens/'));
    expect(mapRemaining(counter)).toEqual({ 'plans/machines/burst': 3, [ownLabel ?? '']: 1 });
    await node.admin.call(Counters.blockCounter, { ...blockRequest(subject), limit: 'own' }, administrator);
    expect(await checkToken(node, token)).toBe(429);
    await node.admin.call(Counters.resetCounter, request(subject), administrator);
    expect(await checkToken(node, token)).toBe(200);
  });

  it('are found by its account and plan, for all tokens of the account', async ({ node, administrator }) => {
    await node.createPlan(administrator, 'robots', 5);
    const fields = { plan: 'plans/robots', account: 'robot 7' };
    const tokens = [await issueToken(node, administrator, fields), await issueToken(node, administrator, fields)];
    for (const token of tokens) expect(await checkToken(node, token)).toBe(200);
    const subject = tokenAccount('robot 7', '', 'plans/robots');
    expect(mapRemaining(await node.admin.call(Counters.getCounter, request(subject), administrator))).toEqual({
      'plans/robots/burst': 3,
    });
    expect((await node.admin.call(Counters.blockCounter, blockRequest(subject), administrator)).warnings).toEqual([]);
    for (const token of tokens) expect(await checkToken(node, token)).toBe(429);
    await node.admin.call(Counters.unblockCounter, request(subject), administrator);
    for (const token of tokens) expect(await checkToken(node, token)).toBe(200);
  });
});

describe('the counters of an account of an external issuer', () => {
  it('are found by its name there, and kept apart from accounts of the same name', async ({
    node,
    administrator,
    issuers,
    key,
  }) => {
    await node.createPlan(administrator, 'partners', 5);
    const iss = 'https://partner.example.com';
    await issuers.add('partner', iss, { jwks: { keys: [key.publicJwk] }, defaultPlanId: 'partners' });
    const token = await signToken(key, { iss, sub: 'alice' });
    await expect.poll(() => checkToken(node, token), { interval: 100 }).toBe(200);
    const ofIssuer = tokenAccount('alice', 'issuers/partner');
    const [before] = (await node.admin.call(Counters.getCounter, request(ofIssuer), administrator)).limits;
    await checkToken(node, token);
    const [after] = (await node.admin.call(Counters.getCounter, request(ofIssuer), administrator)).limits;
    expect([before?.label, after?.remaining]).toEqual(['plans/partners/burst', (before?.remaining ?? 0) - 1]);
    const sameName = tokenAccount('alice', '', 'plans/partners');
    expect(mapRemaining(await node.admin.call(Counters.getCounter, request(sameName), administrator))).toEqual({
      'plans/partners/burst': 5,
    });
    await node.admin.call(Counters.blockCounter, blockRequest(ofIssuer), administrator);
    expect(await checkToken(node, token)).toBe(429);
    const byToken = request({ $case: 'token', value: token });
    // The admin API has its own copy of the issuers, which may learn of one later than Check.
    const isKnown = () =>
      node.admin.call(Counters.getCounter, byToken, administrator).then(
        () => true,
        () => false,
      );
    await expect.poll(isKnown).toBe(true);
    const counter = await node.admin.call(Counters.resetCounter, byToken, administrator);
    expect(mapRemaining(counter)).toEqual({ 'plans/partners/burst': 5 });
    expect(await checkToken(node, token)).toBe(200);
  });
});

describe('a subject that names a token or its account', () => {
  it.for<[string, number, string, Subject]>([
    [
      'no token',
      INVALID_ARGUMENT,
      'subject.token: must be signed by a trusted key',
      { $case: 'token', value: 'x.y.z' },
    ],
    ['no account', INVALID_ARGUMENT, 'subject.token_account.account: must be 1 to 256', tokenAccount('')],
    ['no issuer’s name', INVALID_ARGUMENT, 'subject.token_account.issuer: must be', tokenAccount('a', 'partner')],
    ['no plan’s name', INVALID_ARGUMENT, 'subject.token_account.plan: must be', tokenAccount('a', '', 'free')],
    ['an unknown issuer', NOT_FOUND, 'the issuer or plan', tokenAccount('a', 'issuers/nobody', 'plans/free')],
    ['an unknown plan', NOT_FOUND, 'the issuer or plan', tokenAccount('a', '', 'plans/nothing')],
    ['an account without a plan', NOT_FOUND, 'set subject.token_account.plan', tokenAccount('a')],
  ])('is rejected: %s', async ([_, code, detail, subject], { node, administrator }) => {
    const failure = await node.admin.callAndFail(Counters.getCounter, request(subject), administrator);
    expect([failure.code, failure.details]).toEqual([code, expect.stringContaining(detail)]);
  });
});

describe('a block of an account', () => {
  it('says that it does not reach the API keys of the account', async ({ node, administrator }) => {
    const { name } = await node.createKey(administrator, 'free');
    const { account } = await node.admin.call(ApiKeyServiceService.getApiKey, { name }, administrator);
    const counter = await node.admin.call(
      Counters.blockCounter,
      blockRequest({ $case: 'account', value: account }),
      administrator,
    );
    expect(counter.warnings).toEqual([
      expect.stringContaining('AccountService/BlockAccount denies all keys and tokens of the account'),
    ]);
    await node.admin.call(Counters.unblockCounter, request({ $case: 'account', value: account }), administrator);
  });
});

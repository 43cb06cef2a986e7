import { createHash, randomBytes } from 'node:crypto';
import { describe, expect } from 'vitest';
import { ApiKeyImport, ApiKeyServiceService } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import {
  GetTokenInfoResponse_State as State,
  TokenInfoServiceService,
} from '../../../src/generated/weir/admin/v1/token_info_service.ts';
import { check, httpStatus, parseDenial } from '../../support/clients/decision-calls.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const NOT_FOUND = 5;
const FIRST_PEPPER = 'the first pepper of the tests';
const it = test.override('environment', { KEY_PEPPER: FIRST_PEPPER });
it.beforeAll(({ node, administrator }) => node.createPlan(administrator, 'team', 5));

const newSecret = (prefix = 'acme_') => prefix + randomBytes(18).toString('hex');
const sha256 = (secret: string) => createHash('sha256').update(secret).digest('hex');

async function importKey(node: TestNode, headers: Headers, fields: Partial<ApiKeyImport>): Promise<string> {
  const apiKeys = [ApiKeyImport.create({ plan: 'plans/team', ...fields })];
  const request = { apiKeys, validateOnly: false };
  const { results } = await node.admin.call(ApiKeyServiceService.importApiKeys, request, headers);
  return results[0]?.apiKey?.name ?? expect.fail(results[0]?.message);
}

/** Imports a key in each form in which it can be given. */
const FORMS = [
  ['its secret', (secret: string) => ({ secret })],
  ['its SHA-256', (secret: string) => ({ digest: sha256(secret), algorithm: 'sha256' })],
] as const;

describe.for(FORMS)('a key that was imported by %s', ([_, form]) => {
  it('is admitted in each place of a request, and charged to its plan', async ({ node, administrator }) => {
    const secret = newSecret();
    const name = await importKey(node, administrator, form(secret));
    const statuses = [];
    for (const headers of [{ 'x-api-key': secret }, { authorization: `Bearer ${secret}` }]) {
      for (let request = 0; request < 3; request++) statuses.push(httpStatus(await check(node.decision, headers)));
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429]);
    const key = await node.admin.call(ApiKeyServiceService.getApiKey, { name }, administrator);
    expect(key).toMatchObject({ plan: 'plans/team', disabled: false });
  });

  it('is described to its holder, who can disable it', async ({ node, administrator }) => {
    const secret = newSecret();
    const apiKey = await importKey(node, administrator, form(secret));
    const info = await node.admin.call(TokenInfoServiceService.getTokenInfo, { secret });
    expect(info).toMatchObject({ apiKey, state: State.VALID, plan: 'plans/team' });
    await node.admin.call(TokenInfoServiceService.disableToken, { secret });
    expect(parseDenial(await check(node.decision, { 'x-api-key': secret }))?.code).toBe('disabled_credential');
  });

  it('is replaced by a key of Weir’s own format, with the same budget, when it is rotated', async ({
    node,
    administrator,
  }) => {
    const secret = newSecret();
    const name = await importKey(node, administrator, form(secret));
    for (let request = 0; request < 3; request++) await check(node.decision, { 'x-api-key': secret });
    const rotation = { name, overlap: '60s' };
    const rotated = await node.admin.call(ApiKeyServiceService.rotateApiKey, rotation, administrator);
    expect(rotated.secret).toMatch(/^wk_live_/);
    expect(httpStatus(await check(node.decision, { 'x-api-key': rotated.secret }))).toBe(200);
    expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(200);
    expect(httpStatus(await check(node.decision, { 'x-api-key': rotated.secret }))).toBe(429);
  });

  it('works on other nodes within a second, after a restart, and with a new pepper', async ({
    node,
    administrator,
    startNode,
  }) => {
    const other = await startNode();
    const secret = newSecret();
    const name = await importKey(node, administrator, form(secret));
    const answer = async (of: TestNode) => parseDenial(await check(of.decision, { 'x-api-key': secret }))?.code;
    await expect.poll(() => answer(other), { timeout: 1000, interval: 50 }).toBeUndefined();
    const later = await startNode({ KEY_PEPPER: 'a later pepper of the tests', KEY_PEPPER_PREVIOUS: FIRST_PEPPER });
    expect(await answer(later)).toBeUndefined();
    await node.admin.call(ApiKeyServiceService.deleteApiKey, { name }, administrator);
    await expect.poll(() => answer(other), { timeout: 1000, interval: 50 }).toBe('unknown_credential');
  });

  it('is unknown to a node whose API_KEY_FORMATS does not have imported', async ({
    node,
    administrator,
    startNode,
  }) => {
    const secret = newSecret();
    await importKey(node, administrator, form(secret));
    const { secret: own } = await node.createKey(administrator, 'team');
    const strict = await startNode({ API_KEY_FORMATS: 'weir' });
    expect(parseDenial(await check(strict.decision, { 'x-api-key': secret }))?.code).toBe('malformed_credential');
    const info = await strict.admin.call(TokenInfoServiceService.getTokenInfo, { secret });
    expect(info.state).toBe(State.UNKNOWN);
    expect(httpStatus(await check(strict.decision, { 'x-api-key': own }))).toBe(200);
  });
});

describe('an imported key', () => {
  it.for([
    [
      'two dots, like a JWT',
      () => `SG.${randomBytes(16).toString('base64url')}.${randomBytes(32).toString('base64url')}`,
    ],
    ['the form of a JWT in all but its signature', () => `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.${newSecret('')}`],
    ['Weir’s prefix', () => newSecret('wk_live_')],
    ['a comma, a space and a letter outside ASCII', () => newSecret('clé secrète, ')],
    ['16 characters', () => randomBytes(8).toString('hex')],
    ['256 characters', () => randomBytes(128).toString('hex')],
  ] as const)('can have %s', async ([_, makeSecret], { node, administrator }) => {
    const secret = makeSecret();
    // The verification of a text that looks like a token is cached. The import must not wait until it expires.
    expect(httpStatus(await check(node.decision, { authorization: `Bearer ${secret}` }))).toBe(401);
    await importKey(node, administrator, { secret });
    expect(httpStatus(await check(node.decision, { authorization: `Bearer ${secret}` }))).toBe(200);
    expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(200);
  });

  it('is not admitted by its SHA-256, which its former service may have leaked', async ({ node, administrator }) => {
    const secret = newSecret();
    await importKey(node, administrator, { digest: sha256(secret), algorithm: 'sha256' });
    for (const text of [sha256(secret), sha256(FIRST_PEPPER + sha256(secret))]) {
      expect(httpStatus(await check(node.decision, { 'x-api-key': text }))).toBe(401);
    }
  });

  it('does not stand in the way of tokens', async ({ node, administrator }) => {
    await importKey(node, administrator, { secret: newSecret() });
    expect(httpStatus(await check(node.decision, administrator))).toBe(200);
    const forged = `${administrator.authorization?.slice(0, -4)}AAAA`;
    expect(parseDenial(await check(node.decision, { authorization: forged }))?.code).toBe('unknown_credential');
  });

  it.for([
    ['a text that may be one', 'x'.repeat(40), 'unknown_credential'],
    ['a text that is too short', 'x'.repeat(15), 'malformed_credential'],
    ['a text that is too long', 'x'.repeat(257), 'malformed_credential'],
    ['one that was sent twice', `${'x'.repeat(20)},${'x'.repeat(20)}`, 'malformed_credential'],
    ['a key of Weir’s own format with a typing mistake', `wk_live_${'1'.repeat(28)}`, 'malformed_credential'],
  ] as const)('makes %s %3$s, if it is not known', async ([_, text, code], { node, administrator }) => {
    await importKey(node, administrator, { secret: newSecret() });
    expect(parseDenial(await check(node.decision, { 'x-api-key': text }))?.code).toBe(code);
    const failed = await node.admin.callAndFail(TokenInfoServiceService.disableToken, { secret: text });
    expect(failed.code).toBe(NOT_FOUND);
  });
});

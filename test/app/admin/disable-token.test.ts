import { describe, expect } from 'vitest';
import { ApiKeyServiceService, UpdateApiKeyRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { TokenInfoServiceService } from '../../../src/generated/weir/admin/v1/token_info_service.ts';
import { check, httpStatus, parseDenial } from '../../support/clients/decision-calls.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const UNIMPLEMENTED = 12;

const it = test;
it.beforeAll(({ node, administrator }) => node.createPlan(administrator, 'team', 100));

const disableToken = (node: TestNode, secret: string) =>
  node.admin.call(TokenInfoServiceService.disableToken, { secret });
const updateKey = (node: TestNode, administrator: Headers, name: string, updateMask: string, fields: object) => {
  const request = UpdateApiKeyRequest.fromPartial({ apiKey: { name, ...fields }, updateMask });
  return node.admin.call(ApiKeyServiceService.updateApiKey, request, administrator);
};

describe('the holder of an API key', () => {
  it('disables it immediately with nothing but the key; a second call changes nothing', async ({
    node,
    administrator,
  }) => {
    const { name, secret } = await node.createKey(administrator, 'team');
    const other = await node.createKey(administrator, 'team');
    await disableToken(node, secret);
    const denied = await check(node.decision, { 'x-api-key': secret });
    expect(parseDenial(denied)?.code).toBe('disabled_credential');
    expect(httpStatus(await check(node.decision, { 'x-api-key': other.secret }))).toBe(200);
    await disableToken(node, secret);
    const key = await node.admin.call(ApiKeyServiceService.getApiKey, { name }, administrator);
    expect(key).toMatchObject({ disabled: true, etag: '"2"' });
    await updateKey(node, administrator, name, 'disabled', { disabled: false });
    expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(200);
  });

  it('disables it even while others change it', async ({ node, administrator }) => {
    const { name, secret } = await node.createKey(administrator, 'team');
    const changes = Array.from({ length: 8 }, (_, index) =>
      updateKey(node, administrator, name, 'displayName', { displayName: `${index}` }),
    );
    const [disabled] = await Promise.allSettled([disableToken(node, secret), ...changes]);
    expect(disabled.status).toBe('fulfilled');
    expect((await check(node.decision, { 'x-api-key': secret })).status?.code).toBeGreaterThan(0);
  });

  it.for([
    ['', INVALID_ARGUMENT],
    ['garbage', NOT_FOUND],
    [`wk_live_${'0'.repeat(28)}`, NOT_FOUND],
  ] as const)('gets an error that does not repeat the secret %j', async ([secret, code], { node }) => {
    const error = await node.admin.callAndFail(TokenInfoServiceService.disableToken, { secret });
    expect(error.code).toBe(code);
    if (secret !== '') expect(JSON.stringify([error.details, error.metadata])).not.toContain(secret);
  });

  it('cannot disable a deleted key', async ({ node, administrator }) => {
    const { name, secret } = await node.createKey(administrator, 'team');
    await node.admin.call(ApiKeyServiceService.deleteApiKey, { name }, administrator);
    expect((await node.admin.callAndFail(TokenInfoServiceService.disableToken, { secret })).code).toBe(NOT_FOUND);
  });

  it('cannot disable it on a decision node, which answers UNIMPLEMENTED', async ({
    node,
    administrator,
    startNode,
  }) => {
    const { secret } = await node.createKey(administrator, 'team');
    const deciding = await startNode({ WEIR_ROLE: 'decision' });
    const error = await deciding.admin.callAndFail(TokenInfoServiceService.disableToken, { secret });
    expect(error.code).toBe(UNIMPLEMENTED);
    expect((await deciding.admin.call(TokenInfoServiceService.getTokenInfo, { secret })).apiKey).not.toBe('');
  });
});

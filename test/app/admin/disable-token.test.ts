import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiKeyServiceService, UpdateApiKeyRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { TokenInfoServiceService } from '../../../src/generated/weir/admin/v1/token_info_service.ts';
import { newDatabase } from '../../support/databases.ts';
import { check, httpStatus, parseDenial } from '../../support/decision-calls.ts';
import type { Headers } from '../../support/grpc-client.ts';
import { TestNode } from '../../support/node.ts';

const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const UNIMPLEMENTED = 12;

let url: string;
let node: TestNode;
let administrator: Headers;

beforeAll(async () => {
  url = await newDatabase();
  node = await TestNode.start({ DATABASE_URL: url });
  administrator = await node.signIn();
  await node.createPlan(administrator, 'team', 100);
});
afterAll(() => node?.stop());

const disable = (secret: string) => node.admin.call(TokenInfoServiceService.disableToken, { secret });
const update = (name: string, updateMask: string, fields: object) => {
  const request = UpdateApiKeyRequest.fromPartial({ apiKey: { name, ...fields }, updateMask });
  return node.admin.call(ApiKeyServiceService.updateApiKey, request, administrator);
};

describe('the holder of a key', () => {
  it('disables it with nothing but the key, and at once; again changes nothing', async () => {
    const { name, secret } = await node.createKey(administrator, 'team');
    const other = await node.createKey(administrator, 'team');
    await disable(secret);
    const refused = await check(node.decision, { 'x-api-key': secret });
    expect(parseDenial(refused)?.code).toBe('disabled_credential');
    expect(httpStatus(await check(node.decision, { 'x-api-key': other.secret }))).toBe(200);
    await disable(secret);
    const key = await node.admin.call(ApiKeyServiceService.getApiKey, { name }, administrator);
    expect(key).toMatchObject({ disabled: true, etag: '"2"' });
    await update(name, 'disabled', { disabled: false });
    expect(httpStatus(await check(node.decision, { 'x-api-key': secret }))).toBe(200);
  });

  it('disables it although others change it at the same time', async () => {
    const { name, secret } = await node.createKey(administrator, 'team');
    const changes = Array.from({ length: 8 }, (_, index) => update(name, 'displayName', { displayName: `${index}` }));
    const [disabled] = await Promise.allSettled([disable(secret), ...changes]);
    expect(disabled.status).toBe('fulfilled');
    expect((await check(node.decision, { 'x-api-key': secret })).status?.code).toBeGreaterThan(0);
  });

  it.each([
    ['', INVALID_ARGUMENT],
    ['garbage', NOT_FOUND],
    [`wk_live_${'0'.repeat(28)}`, NOT_FOUND],
  ])('who has %j has none, and is told so without it', async (secret, code) => {
    const error = await node.admin.callAndFail(TokenInfoServiceService.disableToken, { secret });
    expect(error.code).toBe(code);
    if (secret !== '') expect(JSON.stringify([error.details, error.metadata])).not.toContain(secret);
  });

  it('cannot disable a key that was deleted', async () => {
    const { name, secret } = await node.createKey(administrator, 'team');
    await node.admin.call(ApiKeyServiceService.deleteApiKey, { name }, administrator);
    expect((await node.admin.callAndFail(TokenInfoServiceService.disableToken, { secret })).code).toBe(NOT_FOUND);
  });

  it('asks a node that writes: one that only decides says that it does not', async () => {
    const { secret } = await node.createKey(administrator, 'team');
    const deciding = await TestNode.start({ DATABASE_URL: url, WEIR_ROLE: 'decision' });
    try {
      const error = await deciding.admin.callAndFail(TokenInfoServiceService.disableToken, { secret });
      expect(error.code).toBe(UNIMPLEMENTED);
      expect((await deciding.admin.call(TokenInfoServiceService.getTokenInfo, { secret })).apiKey).not.toBe('');
    } finally {
      await deciding.stop();
    }
  });
});

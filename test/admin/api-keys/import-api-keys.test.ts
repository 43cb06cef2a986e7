import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createQuery } from '../../../src/database/open-database.ts';
import {
  ApiKey,
  type ApiKeyImport,
  ApiKeyServiceService,
  BatchCreateApiKeysRequest,
  ImportApiKeysRequest,
} from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { Limit } from '../../../src/generated/weir/admin/v1/limit.ts';
import { newDatabase } from '../../support/databases.ts';
import { ADMIN, createClient, createUser, expectFailure, startAdminNode } from '../admin-node.ts';

let url: string;
let node: Awaited<ReturnType<typeof startAdminNode>>;
let keys: ReturnType<typeof createClient<typeof ApiKeyServiceService>>;
let admin: { authorization: string };
let user: { authorization: string };

beforeAll(async () => {
  url = await newDatabase();
  node = await startAdminNode(url);
  keys = createClient(ApiKeyServiceService, node.address);
  const auth = createClient(AuthServiceService, node.address);
  admin = { authorization: `Bearer ${(await auth.login(ADMIN)).accessToken}` };
  const credentials = { email: 'user@example.com', password: 'another horse' };
  await createUser(node.database, credentials);
  user = { authorization: `Bearer ${(await auth.login(credentials)).accessToken}` };
  auth.close();
});
afterAll(async () => {
  keys.close();
  await node.stop();
});

const newSecret = () => `acme_live_${randomBytes(12).toString('hex')}`;
const digest = (secret: string, encoding: 'hex' | 'base64' | 'base64url' = 'hex') =>
  createHash('sha256').update(secret).digest(encoding);

const importRequest = (apiKeys: readonly Partial<ApiKeyImport>[], validateOnly = false) =>
  ImportApiKeysRequest.fromPartial({ apiKeys: [...apiKeys], validateOnly });
const batchRequest = (...apiKeys: readonly Partial<ApiKey>[]) =>
  BatchCreateApiKeysRequest.fromPartial({ requests: apiKeys.map((apiKey) => ({ apiKey })) });

const importAll = async (apiKeys: readonly Partial<ApiKeyImport>[], validateOnly = false) => {
  const { results } = await keys.importApiKeys(importRequest(apiKeys, validateOnly), admin);
  return results;
};
const importOne = async (apiKey: Partial<ApiKeyImport>) => {
  const [result] = await importAll([apiKey]);
  return result ?? expect.fail('there is no result');
};

async function countKeys(): Promise<number> {
  const sql = 'select count(*)::int as count from api_key';
  const [row] = (await createQuery(node.database)(sql, [])) as { count: number }[];
  return row?.count ?? Number.NaN;
}

describe('ImportApiKeys', () => {
  it('stores what the request says of a key, and shows no secret', async () => {
    const secret = newSecret();
    const expireTime = new Date('2099-01-01T00:00:00Z');
    const fields = { displayName: 'Partner', plan: 'plans/pro', expireTime };
    const { apiKey } = await importOne({ secret, prefix: 'acme_live_', ...fields });
    expect(apiKey).toMatchObject({ ...fields, hint: `acme_live_…${secret.slice(-4)}` });
    expect(await keys.getApiKey({ name: apiKey?.name ?? '' }, admin)).toEqual(apiKey);
    const rows = await createQuery(node.database)('select api_key::text from api_key', []);
    expect(JSON.stringify([rows, node.lines])).not.toMatch(new RegExp(`${secret}|${digest(secret)}`));
  });

  it.each([
    ['hex', (secret: string) => digest(secret)],
    ['hex in capitals', (secret: string) => digest(secret).toUpperCase()],
    ['base64', (secret: string) => digest(secret, 'base64')],
    ['base64 without padding', (secret: string) => digest(secret, 'base64').replace('=', '')],
    ['base64url', (secret: string) => digest(secret, 'base64url')],
  ])('takes a digest in %s as that of the same key', async (_, encode) => {
    const secret = newSecret();
    expect(await importOne({ digest: encode(secret), algorithm: 'SHA-256' })).toMatchObject({ code: status.OK });
    expect(await importOne({ secret })).toMatchObject({ code: status.ALREADY_EXISTS });
  });

  it.each([
    ['hint and prefix', { prefix: 'acme_', hint: 'x9Z1' }, 'acme_…x9Z1'],
    ['a hint that has the prefix', { prefix: 'acme_', hint: 'acme_...x9Z1' }, 'acme_...x9Z1'],
    ['a hint alone', { hint: 'key of the printer' }, 'key of the printer'],
    ['a prefix alone', { prefix: 'acme_' }, 'acme_…'],
    ['neither', {}, ''],
  ])('makes the hint of a key from %s', async (_, fields, hint) => {
    const result = await importOne({ digest: digest(newSecret()), algorithm: 'sha256', ...fields });
    expect(result.apiKey?.hint).toBe(hint);
  });

  it('gives each item a result of its own, and imports all that can be', async () => {
    const [known, first, second] = [newSecret(), newSecret(), newSecret()];
    const existing = await importOne({ secret: known });
    const results = await importAll([
      { secret: first },
      { secret: known },
      { secret: 'too short' },
      { digest: digest(first), algorithm: 'sha256' },
      { secret: second, plan: 'plans/no-such-plan', account: `accounts/${randomUUID()}` },
      { secret: second },
    ]);
    expect(results.map(({ code }) => code)).toEqual([
      status.OK,
      status.ALREADY_EXISTS,
      status.INVALID_ARGUMENT,
      status.ALREADY_EXISTS,
      status.INVALID_ARGUMENT,
      status.OK,
    ]);
    expect(results[1]?.message).toBe(`${existing.apiKey?.name} already exists`);
    expect(results[3]?.message).toBe('api_keys[0] is the same key');
    expect(results[4]?.message).toMatch(/^account: must be an existing account .*; plan: must be an existing plan/);
  });

  it('does not import a key that is deleted or was stored with an earlier pepper', async () => {
    const [deleted, peppered] = [newSecret(), newSecret()];
    const { apiKey } = await importOne({ secret: deleted });
    await keys.deleteApiKey({ name: apiKey?.name ?? '' }, admin);
    await importOne({ digest: digest(peppered), algorithm: 'sha256' });
    const later = await startAdminNode(url, {
      KEY_PEPPER: 'a later pepper of the tests',
      KEY_PEPPER_PREVIOUS: 'the pepper of the tests',
    });
    const client = createClient(ApiKeyServiceService, later.address);
    const { results } = await client.importApiKeys(importRequest([{ secret: deleted }, { secret: peppered }]), admin);
    client.close();
    await later.stop();
    expect(results.map(({ code }) => code)).toEqual([status.ALREADY_EXISTS, status.ALREADY_EXISTS]);
  });

  it('takes a key in Weir’s own format by its secret', async () => {
    const { secret, apiKey } = await keys.createApiKey({ apiKey: ApiKey.create() }, admin);
    expect(await importOne({ secret })).toMatchObject({
      code: status.ALREADY_EXISTS,
      message: `${apiKey?.name} already exists`,
    });
    expect((await importOne({ digest: digest(secret), algorithm: 'sha256', prefix: 'wk_live_' })).message).toBe(
      "digest: must not be that of a key in Weir's own format: import such a key by its secret",
    );
  });

  it('changes nothing with validate_only, and has the same results', async () => {
    const secret = newSecret();
    const items = [
      { secret },
      { secret: '' },
      { digest: digest(secret), algorithm: 'sha256' },
      { secret, plan: 'pro' },
    ];
    const before = await countKeys();
    const validated = await importAll(items, true);
    expect(await countKeys()).toBe(before);
    expect(validated[0]?.apiKey).toMatchObject({ name: '', hint: `…${secret.slice(-4)}` });
    const imported = await importAll(items);
    expect(validated.map(({ code, message }) => ({ code, message }))).toEqual(
      imported.map(({ code, message }) => ({ code, message })),
    );
    expect(await countKeys()).toBe(before + 1);
    expect((await importAll(items, true))[0]).toMatchObject({ code: status.ALREADY_EXISTS });
  });

  it('imports each key once, however many calls import it at the same time', async () => {
    const items = Array.from({ length: 50 }, () => ({ secret: newSecret() }));
    const calls = Array.from({ length: 6 }, (_, index) => importAll(index % 2 === 0 ? items : items.toReversed()));
    const results = (await Promise.all(calls)).flat();
    const codes = Map.groupBy(results, ({ code }) => code);
    expect(codes.get(status.OK)).toHaveLength(50);
    expect(codes.get(status.ALREADY_EXISTS)).toHaveLength(250);
    expect(codes.get(status.ALREADY_EXISTS)?.every(({ message }) => /^apiKeys\/[0-9a-f-]{36} /.test(message))).toBe(
      true,
    );
  });

  it.each([
    ['neither secret nor digest', {}, 'secret: must be set, unless digest is'],
    ['both', { secret: 'x'.repeat(20), digest: digest('x') }, 'digest: must be left out where secret is set'],
    ['a short secret', { secret: 'x'.repeat(15) }, 'secret: must be 16 to 256 characters (got 15)'],
    ['a long secret', { secret: 'x'.repeat(257) }, 'secret: must be 16 to 256 characters (got 257)'],
    [
      'a line end',
      { secret: `${'x'.repeat(20)}\n` },
      'secret: must have no control characters, and no space at either',
    ],
    ['no algorithm', { digest: digest('x') }, 'algorithm: must be sha256: a key is found by a digest without a salt'],
    [
      'bcrypt',
      { digest: '$2b$12$abc', algorithm: 'bcrypt' },
      'digest without a salt (got "bcrypt"); digest: must be 32',
    ],
    ['a short digest', { digest: 'abcd', algorithm: 'sha256' }, 'digest: must be 32 bytes in hex, base64 or base64url'],
    ['a hint with the secret', { secret: 'x'.repeat(20), hint: `is ${'x'.repeat(20)}` }, 'hint: must leave at least 8'],
    ['a long prefix', { secret: 'x'.repeat(20), prefix: 'x'.repeat(12) }, 'hint: must leave at least 8 characters'],
    ['another prefix', { secret: 'x'.repeat(20), prefix: 'y' }, 'prefix: must be the beginning of the secret'],
    [
      'a name with 201 characters',
      { secret: 'x'.repeat(20), displayName: 'x'.repeat(201) },
      'display_name: must be at',
    ],
    ['a time in the past', { secret: 'x'.repeat(20), expireTime: new Date(0) }, 'expire_time: must be in the future'],
  ])('rejects a key with %s, and says what was expected', async (_, item, message) => {
    const result = await importOne(item);
    expect(result).toMatchObject({ code: status.INVALID_ARGUMENT, apiKey: undefined });
    expect(result.message).toContain(message);
    expect(result.message).not.toContain('x'.repeat(15));
  });

  it('rejects calls with no keys or too many, and calls by others than administrators', async () => {
    for (const length of [0, 1001]) {
      const failure = await expectFailure(keys.importApiKeys(importRequest(Array(length).fill({})), admin));
      expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['api_keys'] });
      expect(failure.message).toBe(`api_keys: must have 1 to 1000 items (got ${length})`);
    }
    const denied = await expectFailure(keys.importApiKeys(importRequest([{ secret: newSecret() }]), user));
    expect(denied).toMatchObject({ code: status.PERMISSION_DENIED, reason: 'NOT_ADMINISTRATOR' });
  });
});

describe('BatchCreateApiKeys', () => {
  it('creates all keys in order, each with a secret of its own', async () => {
    const limits = [Limit.fromPartial({ name: 'own', requests: 3, window: '60s' })];
    const names = Array.from({ length: 1000 }, (_, index) => `batch ${index}`);
    const request = batchRequest(...names.map((displayName) => ({ displayName, plan: 'plans/pro', limits })));
    const { apiKeys } = await keys.batchCreateApiKeys(request, admin);
    expect(apiKeys.map(({ apiKey }) => apiKey?.displayName)).toEqual(names);
    expect(new Set(apiKeys.map(({ secret }) => secret)).size).toBe(1000);
    const { apiKey, secret } = apiKeys[500] ?? expect.fail('there is no such key');
    expect(await keys.getApiKey({ name: apiKey?.name ?? '' }, admin)).toEqual(apiKey);
    expect(apiKey).toMatchObject({ limits: [{ name: 'own', requests: 3 }], hint: `wk_live_…${secret.slice(-4)}` });
    expect(`apiKeys/${(await node.port.findKey(secret))?.id}`).toBe(apiKey?.name);
  });

  it.each([
    [{ plan: 'pro' }, 'plan'],
    [{ plan: 'plans/no-such-plan' }, 'plan'],
    [{ account: `accounts/${randomUUID()}` }, 'account'],
    [{ displayName: '\n' }, 'display_name'],
  ])('creates none if one is invalid, such as %j, and names the field', async (invalid, field) => {
    const before = await countKeys();
    const failure = await expectFailure(keys.batchCreateApiKeys(batchRequest({}, invalid), admin));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: [`requests[1].api_key.${field}`] });
    expect(await countKeys()).toBe(before);
  });

  it('rejects calls with no keys, too many keys or too many limits', async () => {
    const limits = Array.from({ length: 16 }, (_, index) =>
      Limit.fromPartial({ name: `l${index}`, requests: 1, window: '1s' }),
    );
    for (const [request, message] of [
      [batchRequest(), 'requests: must have 1 to 1000 items (got 0)'],
      [batchRequest(...Array(1001).fill({})), 'requests: must have 1 to 1000 items (got 1001)'],
      [batchRequest(...Array(251).fill({ limits })), 'requests: must have at most 4000 limits in total (got 4016)'],
    ] as const) {
      const failure = await expectFailure(keys.batchCreateApiKeys(request, admin));
      expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['requests'], message });
    }
  });

  it('lets others than administrators create keys of their own account, without a plan', async () => {
    const { apiKeys } = await keys.batchCreateApiKeys(batchRequest({}, {}), user);
    expect(apiKeys).toHaveLength(2);
    for (const fields of [{ plan: 'plans/pro' }, { features: ['export'] }, { account: `accounts/${randomUUID()}` }]) {
      const denied = await expectFailure(keys.batchCreateApiKeys(batchRequest({}, fields), user));
      expect(denied.code).toBe(status.PERMISSION_DENIED);
    }
  });
});

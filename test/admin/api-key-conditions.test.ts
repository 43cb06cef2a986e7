import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AccountEntity } from '../../src/database/entities.ts';
import { ApiKey, ApiKeyServiceService } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { Limit } from '../../src/generated/weir/admin/v1/limit.ts';
import { TokenInfoServiceService } from '../../src/generated/weir/admin/v1/token_info_service.ts';
import { hashPassword } from '../../src/identity/secrets/password.ts';
import { newDatabase } from '../support/databases.ts';
import { ADMIN, clientOf, failureOf, startAdminNode } from './admin-node.ts';

const features = ['export'];
const USER = { email: 'user@example.com', password: 'another horse' };

let node: Awaited<ReturnType<typeof startAdminNode>>;
let keys: ReturnType<typeof clientOf<typeof ApiKeyServiceService>>;
let info: ReturnType<typeof clientOf<typeof TokenInfoServiceService>>;
let admin: { authorization: string };
let user: { authorization: string };

beforeAll(async () => {
  node = await startAdminNode(await newDatabase());
  keys = clientOf(ApiKeyServiceService, node.address);
  info = clientOf(TokenInfoServiceService, node.address);
  const em = node.database.em.fork();
  const passwordHash = await hashPassword(USER.password);
  em.create(AccountEntity, { id: randomUUID(), email: USER.email, passwordHash, role: 'user', planId: 'free' });
  await em.flush();
  const auth = clientOf(AuthServiceService, node.address);
  const signIn = async (credentials: typeof USER) => `Bearer ${(await auth.login(credentials)).accessToken}`;
  admin = { authorization: await signIn(ADMIN) };
  user = { authorization: await signIn(USER) };
  auth.close();
});
afterAll(async () => {
  for (const client of [keys, info]) client.close();
  await node.stop();
});

const limit = (fields: Partial<Limit> = {}) => Limit.create({ name: 'own', requests: 5, window: '60s', ...fields });

const newKey = async (fields: Partial<ApiKey>, as = admin) => {
  const { apiKey, secret } = await keys.createApiKey({ apiKey: ApiKey.create(fields) }, as);
  return { apiKey: apiKey ?? expect.fail('no key in the answer'), secret };
};
const update = (name: string, updateMask: string, fields: Partial<ApiKey>, as: { authorization: string }) =>
  keys.updateApiKey({ apiKey: ApiKey.create({ name, ...fields }), updateMask }, as);

describe('limits, networks and features of a key', () => {
  const networks = ['10.0.0.0/8', '2001:db8::/32'];

  test('are made, got, listed, and told to its holder', async () => {
    const { apiKey, secret } = await newKey({
      limits: [limit(), limit({ name: 'day', window: '1d' })],
      allowedNetworks: networks,
      features,
    });
    expect(apiKey).toMatchObject({
      limits: [
        { name: 'own', window: '60s', algorithm: 'sliding_window' },
        { name: 'day', window: '86400s', algorithm: 'calendar' },
      ],
      allowedNetworks: networks,
      features,
    });
    expect(await keys.getApiKey({ name: apiKey.name }, admin)).toEqual(apiKey);
    const { apiKeys } = await keys.listApiKeys({ pageSize: 1000 }, admin);
    expect(apiKeys).toContainEqual(apiKey);
    const told = await info.getTokenInfo({ secret });
    expect(told.features).toEqual(features);
    expect(told.limits.map(({ name }) => name)).toEqual(['minute', 'day', 'own', 'day']);
  });

  test('of a rotated key are its successor’s', async () => {
    const { apiKey: old } = await newKey({ limits: [limit()], allowedNetworks: networks, features });
    const { apiKey } = await keys.rotateApiKey({ name: old.name }, admin);
    expect(apiKey).toMatchObject({ limits: old.limits, allowedNetworks: networks, features });
  });

  test('are replaced by a mask that names them, taken away by one without a value, and left alone by others', async () => {
    const { apiKey } = await newKey({ limits: [limit()], allowedNetworks: networks, features });
    expect(await update(apiKey.name, 'display_name', { displayName: 'x' }, admin)).toMatchObject({
      limits: apiKey.limits,
      allowedNetworks: networks,
    });
    const changed = {
      allowedNetworks: ['192.0.2.0/24'],
      limits: [limit({ requests: 9, algorithm: 'sliding_window' })],
    };
    expect(await update(apiKey.name, 'allowed_networks,limits', changed, admin)).toMatchObject(changed);
    expect(await update(apiKey.name, 'allowedNetworks,limits', {}, admin)).toMatchObject({
      allowedNetworks: [],
      limits: [],
    });
  });

  test('without a mask are updated where they are set', async () => {
    const { apiKey } = await newKey({ limits: [limit()] });
    expect(await update(apiKey.name, '', { allowedNetworks: networks, features }, admin)).toMatchObject({
      limits: apiKey.limits,
      allowedNetworks: networks,
    });
  });

  test('that are wrong are all named, when a key is made and when it is updated', async () => {
    const wrong = {
      limits: [limit({ requests: 0 }), limit(), limit(), limit({ name: 'No!' })],
      allowedNetworks: ['10.0.0.0/8', '10.0.0.1', '10.1.2.3/8', '::/129'],
      features: ['Export'],
    };
    const fields = [
      ...['limits[0].requests', 'limits[2].name', 'limits[3].name'],
      'features[0]',
      ...[1, 2, 3].map((index) => `allowed_networks[${index}]`),
    ].map((field) => `api_key.${field}`);
    const { apiKey } = await newKey({});
    const updating = () => update(apiKey.name, 'limits,allowedNetworks,features', wrong, admin);
    for (const call of [() => newKey(wrong), updating]) {
      const failure = await failureOf(call());
      expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, reason: 'INVALID_FIELDS' });
      expect([...failure.fields].sort()).toEqual([...fields].sort());
    }
  });
});

describe('who is no administrator', () => {
  test('gives no key features, and may take them away', async () => {
    const failure = await failureOf(newKey({ features }, user));
    expect(failure).toMatchObject({ code: status.PERMISSION_DENIED, reason: 'NOT_ADMINISTRATOR' });
    const { apiKey: own } = await newKey({}, user);
    await update(own.name, 'features', { features }, admin);
    expect(await update(own.name, 'features', {}, user)).toMatchObject({ features: [] });
  });

  test('may narrow the own keys', async () => {
    const { apiKey } = await newKey({ limits: [limit()] }, user);
    const narrow = (mask: string, fields: Partial<ApiKey>) => update(apiKey.name, mask, fields, user);
    await narrow('allowedNetworks', { allowedNetworks: ['10.0.0.0/8', '192.0.2.0/24'] });
    await narrow('allowedNetworks', { allowedNetworks: ['192.0.2.0/24'] });
    await narrow('limits', { limits: [limit({ name: 'more' }), ...apiKey.limits] });
  });

  test.each([
    ['other networks', 'allowedNetworks', { allowedNetworks: ['192.0.2.0/24', '198.51.100.0/24'] }],
    ['all networks', 'allowedNetworks', {}],
    ['a limit less', 'limits', {}],
    ['a feature', 'features', { features: ['bulk'] }],
    ['a higher limit', 'limits', { limits: [limit({ requests: 6 })] }],
  ])('may not widen what they can do, by %s', async (_, mask, fields) => {
    const { apiKey } = await newKey({ limits: [limit()], allowedNetworks: ['192.0.2.0/24'] }, user);
    const failure = await failureOf(update(apiKey.name, mask, fields, user));
    expect(failure).toMatchObject({ code: status.PERMISSION_DENIED, reason: 'NOT_ADMINISTRATOR' });
    await update(apiKey.name, mask, fields, admin);
  });
});

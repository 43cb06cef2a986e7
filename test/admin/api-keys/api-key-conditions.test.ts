import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiKey, ApiKeyServiceService } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { Limit } from '../../../src/generated/weir/admin/v1/limit.ts';
import { TokenInfoServiceService } from '../../../src/generated/weir/admin/v1/token_info_service.ts';
import { newDatabase } from '../../support/databases.ts';
import { ADMIN, createClient, createUser, expectFailure, startAdminNode } from '../admin-node.ts';

const features = ['export'];
const USER = { email: 'user@example.com', password: 'another horse' };

let node: Awaited<ReturnType<typeof startAdminNode>>;
let keys: ReturnType<typeof createClient<typeof ApiKeyServiceService>>;
let info: ReturnType<typeof createClient<typeof TokenInfoServiceService>>;
let admin: { authorization: string };
let user: { authorization: string };

beforeAll(async () => {
  node = await startAdminNode(await newDatabase());
  keys = createClient(ApiKeyServiceService, node.address);
  info = createClient(TokenInfoServiceService, node.address);
  await createUser(node.database, USER, 'enterprise');
  const auth = createClient(AuthServiceService, node.address);
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
  return { apiKey: apiKey ?? expect.fail('the response has no key'), secret };
};
const update = (name: string, updateMask: string, fields: Partial<ApiKey>, as: { authorization: string }) =>
  keys.updateApiKey({ apiKey: ApiKey.create({ name, ...fields }), updateMask }, as);

describe('limits, networks and features of an API key', () => {
  const networks = ['10.0.0.0/8', '2001:db8::/32'];

  it('are stored, returned, listed and shown to the holder of the key', async () => {
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
    const described = await info.getTokenInfo({ secret });
    expect(described.features).toEqual(features);
    expect(described.limits.map(({ name }) => name)).toEqual(['minute', 'day', 'own', 'day']);
  });

  it('are inherited by the successor of a rotated key', async () => {
    const { apiKey: old } = await newKey({ limits: [limit()], allowedNetworks: networks, features });
    const { apiKey } = await keys.rotateApiKey({ name: old.name }, admin);
    expect(apiKey).toMatchObject({ limits: old.limits, allowedNetworks: networks, features });
  });

  it('are replaced or cleared only by a mask that names them', async () => {
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

  it('are updated without a mask if they are set', async () => {
    const { apiKey } = await newKey({ limits: [limit()] });
    expect(await update(apiKey.name, '', { allowedNetworks: networks, features }, admin)).toMatchObject({
      limits: apiKey.limits,
      allowedNetworks: networks,
    });
  });

  it('are all named if they are invalid, in a new key and in an update', async () => {
    const wrong = {
      limits: [limit({ requests: 0 }), limit(), limit(), limit({ name: 'No!' })],
      allowedNetworks: ['10.0.0.0/8', '10.0.0.1', '10.1.2.3/8', '::/129'],
      features: ['two words'],
    };
    const fields = [
      ...['limits[0].requests', 'limits[2].name', 'limits[3].name'],
      'features[0]',
      ...[1, 2, 3].map((index) => `allowed_networks[${index}]`),
    ].map((field) => `api_key.${field}`);
    const { apiKey } = await newKey({});
    const updating = () => update(apiKey.name, 'limits,allowedNetworks,features', wrong, admin);
    for (const call of [() => newKey(wrong), updating]) {
      const failure = await expectFailure(call());
      expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, reason: 'INVALID_FIELDS' });
      expect([...failure.fields].sort()).toEqual([...fields].sort());
    }
  });
});

describe('a non-administrator', () => {
  it('cannot add features to a key, but can remove them', async () => {
    const failure = await expectFailure(newKey({ features }, user));
    expect(failure).toMatchObject({ code: status.PERMISSION_DENIED, reason: 'NOT_ADMINISTRATOR' });
    const { apiKey: own } = await newKey({}, user);
    await update(own.name, 'features', { features }, admin);
    expect(await update(own.name, 'features', {}, user)).toMatchObject({ features: [] });
  });

  it('can restrict its own keys', async () => {
    const { apiKey } = await newKey({ limits: [limit()] }, user);
    const restrict = (mask: string, fields: Partial<ApiKey>) => update(apiKey.name, mask, fields, user);
    await restrict('allowedNetworks', { allowedNetworks: ['10.0.0.0/8', '192.0.2.0/24'] });
    await restrict('allowedNetworks', { allowedNetworks: ['192.0.2.0/24'] });
    await restrict('limits', { limits: [limit({ name: 'more' }), ...apiKey.limits] });
  });

  it.each([
    ['a further network', 'allowedNetworks', { allowedNetworks: ['192.0.2.0/24', '198.51.100.0/24'] }],
    ['allowing all networks', 'allowedNetworks', {}],
    ['removing a limit', 'limits', {}],
    ['a further feature', 'features', { features: ['bulk'] }],
    ['a higher limit', 'limits', { limits: [limit({ requests: 6 })] }],
  ])('cannot lift a restriction of its own keys by %s', async (_, mask, fields) => {
    const { apiKey } = await newKey({ limits: [limit()], allowedNetworks: ['192.0.2.0/24'] }, user);
    const failure = await expectFailure(update(apiKey.name, mask, fields, user));
    expect(failure).toMatchObject({ code: status.PERMISSION_DENIED, reason: 'NOT_ADMINISTRATOR' });
    await update(apiKey.name, mask, fields, admin);
  });
});

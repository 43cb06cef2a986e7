import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, test } from 'vitest';
import { AccountEntity } from '../../src/database/entities.ts';
import { migrate } from '../../src/database/migrate.ts';
import { createQuery, openDatabase } from '../../src/database/open-database.ts';
import { OWN_ALGORITHMS } from '../../src/domain/tokens/token.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import { SigningKeyServiceService } from '../../src/generated/weir/admin/v1/signing_key_service.ts';
import { createSealer } from '../../src/identity/issue-tokens/sealed-key.ts';
import { hashPassword } from '../../src/identity/secrets/password.ts';
import { newDatabase } from '../support/databases.ts';
import { ADMIN, clientOf, failureOf, startAdminNode } from './admin-node.ts';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** A node and what calls it, stopped at the end of the test. */
async function start(url: string, options: Parameters<typeof startAdminNode>[1] = {}) {
  const node = await startAdminNode(url, options);
  const auth = clientOf(AuthServiceService, node.address);
  const plans = clientOf(PlanServiceService, node.address);
  const keys = clientOf(SigningKeyServiceService, node.address);
  stops.push(async () => {
    for (const client of [auth, plans, keys]) client.close();
    await node.stop();
  });
  const query = createQuery(node.database);
  return {
    ...node,
    keys,
    query,
    signIn: async (credentials = ADMIN) => {
      return { authorization: `Bearer ${(await auth.login(credentials)).accessToken}` };
    },
    /** Whether a token is taken. */
    takes: (headers: { authorization: string }) =>
      plans.listPlans({}, headers).then(
        () => true,
        ({ code }) => (code === status.UNAUTHENTICATED ? false : expect.fail(`failed with ${code}`)),
      ),
    /** Has the time that a key waits for come. */
    begin: (name: string) =>
      query(`update signing_key set activate_time = now() where 'signingKeys/' || id = ?`, [name]),
  };
}

const kidOf = ({ authorization }: { authorization: string }): string => {
  const [header = ''] = authorization.slice('Bearer '.length).split('.');
  return `signingKeys/${JSON.parse(Buffer.from(header, 'base64url').toString()).kid}`;
};

describe.each([...OWN_ALGORITHMS])('keys of %s', (algorithm) => {
  test('sign what another node takes, and are in the database only sealed', async () => {
    const url = await newDatabase();
    const [one, other] = [await start(url, { algorithm }), await start(url, { algorithm })];
    const headers = await one.signIn();
    expect(await other.takes(headers)).toBe(true);
    const { signingKeys } = await one.keys.listSigningKeys({}, headers);
    expect(signingKeys).toMatchObject([{ name: kidOf(headers), algorithm, signing: true, expireTime: undefined }]);
    const rows = await one.query('select private_jwk, public_jwk, sealed_jwk from signing_key', []);
    expect(rows).toEqual([
      {
        private_jwk: null,
        public_jwk: algorithm === 'HS256' ? null : expect.anything(),
        sealed_jwk: expect.stringMatching(/^v1\.[\w-]+$/),
      },
    ]);
    expect(JSON.stringify(rows)).not.toMatch(/"(d|k|p|q)":/);
  });
});

describe('nodes with different secrets', () => {
  const another = createSealer('another secret of at least 32 characters');

  test('have keys of their own, none of which takes the place of another’s', async () => {
    const url = await newDatabase();
    const one = await start(url);
    const other = await start(url, { sealer: another });
    expect(other.signingKeys.signer.id).not.toBe(one.signingKeys.signer.id);
    await other.signingKeys.rotate();
    await one.signingKeys.maintain();
    const ends = new Map((await one.signingKeys.list()).map(({ id, expireTime }) => [id, expireTime]));
    expect(ends.size).toBe(3);
    expect(ends.get(one.signingKeys.signer.id)).toBeNull();
    expect(ends.get(other.signingKeys.signer.id)).not.toBeNull();
  });

  test('end each other’s keys where nobody has replaced one for twice as long as it may sign', async () => {
    const url = await newDatabase();
    const gone = await start(url, { sealer: another });
    const abandoned = gone.signingKeys.signer.id;
    await gone.query(`update signing_key set create_time = now() - interval '10 years'`, []);
    const left = await start(url);
    await left.signingKeys.maintain();
    const keys = await left.signingKeys.list();
    expect(keys.find(({ id }) => id === abandoned)?.expireTime).toBeInstanceOf(Date);
    expect(keys.find(({ id }) => id === left.signingKeys.signer.id)?.expireTime).toBeNull();
  });
});

test('a key in the clear from before is sealed at the start, and what it signed is still good', async () => {
  const url = await newDatabase();
  const database = await openDatabase({ url });
  await migrate(database);
  const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  await createQuery(database)(`insert into signing_key (id, private_jwk, create_time) values ('old', ?, now())`, [
    JSON.stringify(jwk),
  ]);
  await database.close(true);
  const node = await start(url);
  const headers = await node.signIn();
  expect(kidOf(headers)).toBe('signingKeys/old');
  expect(await node.takes(headers)).toBe(true);
  const [row] = (await node.query('select * from signing_key', [])) as { private_jwk: object; public_jwk: object }[];
  const { d, ...publicJwk } = jwk;
  expect(row).toMatchObject({ private_jwk: null, public_jwk: publicJwk });
  expect(JSON.stringify(row)).not.toContain(d);
  const again = await start(url);
  expect(await again.takes(headers)).toBe(true);
});

describe('rotation', () => {
  test('on one node is taken up by the others: a key is known before it signs, and the one before verifies on', async () => {
    const url = await newDatabase();
    const [one, other] = [await start(url), await start(url)];
    const before = await one.signIn();
    const made = await one.keys.rotateSigningKey({}, before);
    expect(made).toMatchObject({ algorithm: 'EdDSA', signing: false });
    expect(made.activateTime?.getTime()).toBeGreaterThan(Date.now() + 60_000);
    await expect.poll(() => other.catalog.trust.keys.map(({ id }) => `signingKeys/${id}`)).toContain(made.name);
    expect(kidOf(await one.signIn())).toBe(kidOf(before));

    await one.begin(made.name);
    for (const node of [one, other]) {
      await node.signingKeys.maintain();
      const after = await node.signIn();
      expect(kidOf(after)).toBe(made.name);
      for (const each of [one, other])
        expect([await each.takes(before), await each.takes(after)]).toEqual([true, true]);
    }
    const { signingKeys } = await one.keys.listSigningKeys({}, before);
    expect(signingKeys.map(({ name, signing }) => [name, signing])).toEqual([
      [kidOf(before), false],
      [made.name, true],
    ]);
    const [ended] = signingKeys;
    expect(ended?.expireTime?.getTime()).toBeGreaterThan((made.activateTime?.getTime() ?? 0) + 900_000);
  });

  test('called again before the new key signs makes no other', async () => {
    const node = await start(await newDatabase());
    const headers = await node.signIn();
    const [first, second] = await Promise.all([1, 2].map(() => node.keys.rotateSigningKey({}, headers)));
    expect(second).toEqual(first);
    expect((await node.keys.listSigningKeys({}, headers)).signingKeys).toHaveLength(2);
  });

  test('comes by itself when the key has signed for long enough, once for all nodes', async () => {
    const url = await newDatabase();
    const nodes = [await start(url), await start(url), await start(url)];
    const [one = expect.fail()] = nodes;
    for (const node of nodes) await node.signingKeys.maintain();
    expect(await one.signingKeys.list()).toHaveLength(1);
    await one.query(`update signing_key set create_time = now() - interval '3601 s'`, []);
    await Promise.all(nodes.map((node) => node.signingKeys.maintain()));
    await Promise.all(nodes.map((node) => node.signingKeys.maintain()));
    expect(await one.signingKeys.list()).toHaveLength(2);
  });

  test('comes with another algorithm, and tokens of both are taken', async () => {
    const url = await newDatabase();
    const before = await (await start(url)).signIn();
    const node = await start(url, { algorithm: 'ES256' });
    expect(await node.takes(before)).toBe(true);
    const made = (await node.signingKeys.list()).at(-1);
    expect(made?.algorithm).toBe('ES256');
    await node.begin(`signingKeys/${made?.id}`);
    await node.signingKeys.maintain();
    const after = await node.signIn();
    expect(kidOf(after)).toBe(`signingKeys/${made?.id}`);
    expect([await node.takes(before), await node.takes(after)]).toEqual([true, true]);
  });

  test('takes a key away once its last token has expired', async () => {
    const node = await start(await newDatabase());
    const before = await node.signIn();
    const made = await node.keys.rotateSigningKey({}, before);
    await node.begin(made.name);
    await node.signingKeys.maintain();
    const after = await node.signIn();
    await node.query(`update signing_key set expire_time = now() where expire_time is not null`, []);
    await node.signingKeys.maintain();
    expect((await node.keys.listSigningKeys({}, after)).signingKeys.map(({ name }) => name)).toEqual([made.name]);
    await expect.poll(() => node.takes(before)).toBe(false);
  });
});

describe('a key that others have come to know', () => {
  test('is deleted once another signs, and what it signed is refused at once', async () => {
    const node = await start(await newDatabase());
    const before = await node.signIn();
    const name = kidOf(before);
    const inUse = { code: status.FAILED_PRECONDITION, reason: 'SIGNING_KEY_IN_USE' };
    expect(await failureOf(node.keys.deleteSigningKey({ name }, before))).toMatchObject(inUse);
    const made = await node.keys.rotateSigningKey({}, before);
    for (const each of [name, made.name]) {
      expect(await failureOf(node.keys.deleteSigningKey({ name: each }, before))).toMatchObject(inUse);
    }
    await node.begin(made.name);
    await node.signingKeys.maintain();
    const after = await node.signIn();
    await node.keys.deleteSigningKey({ name }, after);
    expect([await node.takes(before), await node.takes(after)]).toEqual([false, true]);
    expect(await failureOf(node.keys.deleteSigningKey({ name }, after))).toMatchObject({ code: status.NOT_FOUND });
  });

  test('is named by its resource name', async () => {
    const node = await start(await newDatabase());
    const failure = await failureOf(node.keys.deleteSigningKey({ name: 'signingKeys/../x' }, await node.signIn()));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['name'] });
  });
});

test('who is no administrator neither sees nor changes the keys', async () => {
  const node = await start(await newDatabase());
  const user = { email: 'user@example.com', password: 'another horse' };
  const em = node.database.em.fork();
  const passwordHash = await hashPassword(user.password);
  em.create(AccountEntity, { id: randomUUID(), email: user.email, passwordHash, role: 'user', planId: 'free' });
  await em.flush();
  const headers = await node.signIn(user);
  const name = `signingKeys/${randomUUID()}`;
  const { listSigningKeys, rotateSigningKey, deleteSigningKey } = node.keys;
  for (const call of [
    () => listSigningKeys({}, headers),
    () => rotateSigningKey({}, headers),
    () => deleteSigningKey({ name }, headers),
  ]) {
    expect(await failureOf(call())).toMatchObject({ code: status.PERMISSION_DENIED, reason: 'NOT_ADMINISTRATOR' });
  }
});

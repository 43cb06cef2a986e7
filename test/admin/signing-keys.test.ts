import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { migrate } from '../../src/database/migrate.ts';
import { createQuery, openDatabase } from '../../src/database/open-database.ts';
import { OWN_ALGORITHMS } from '../../src/domain/tokens/token.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import { SigningKeyServiceService } from '../../src/generated/weir/admin/v1/signing_key_service.ts';
import { newDatabase } from '../support/databases.ts';
import type { Environment } from '../support/node.ts';
import { ADMIN, createClient, createUser, expectFailure, startAdminNode } from './admin-node.ts';

const OTHER_SECRET = 'another secret of at least 32 characters';

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** Starts a node with clients. The end of the test stops them. */
async function start(url: string, environment: Environment = {}) {
  const node = await startAdminNode(url, environment);
  const auth = createClient(AuthServiceService, node.address);
  const plans = createClient(PlanServiceService, node.address);
  const keys = createClient(SigningKeyServiceService, node.address);
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
    /** Whether the node accepts a token. */
    accepts: (headers: { authorization: string }) =>
      plans.listPlans({}, headers).then(
        () => true,
        ({ code }) => (code === status.UNAUTHENTICATED ? false : expect.fail(`failed with ${code}`)),
      ),
    /** Makes a key sign from now on. */
    activate: (name: string) =>
      query(`update signing_key set activate_time = now() where 'signingKeys/' || id = ?`, [name]),
  };
}

const kidOf = ({ authorization }: { authorization: string }): string => {
  const [header = ''] = authorization.slice('Bearer '.length).split('.');
  return `signingKeys/${JSON.parse(Buffer.from(header, 'base64url').toString()).kid}`;
};

describe.each([...OWN_ALGORITHMS])('signing keys of %s', (algorithm) => {
  it('sign tokens that another node accepts, and are stored only sealed', async () => {
    const url = await newDatabase();
    const [one, other] = [
      await start(url, { TOKEN_ALGORITHM: algorithm }),
      await start(url, { TOKEN_ALGORITHM: algorithm }),
    ];
    const headers = await one.signIn();
    expect(await other.accepts(headers)).toBe(true);
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
  it('have their own keys and do not replace each other’s', async () => {
    const url = await newDatabase();
    const one = await start(url);
    const other = await start(url, { SIGNING_KEY_SECRET: OTHER_SECRET });
    expect(other.signingKeys.signer.id).not.toBe(one.signingKeys.signer.id);
    await other.signingKeys.rotate();
    await one.signingKeys.maintain();
    const ends = new Map((await one.signingKeys.list()).map(({ id, expireTime }) => [id, expireTime]));
    expect(ends.size).toBe(3);
    expect(ends.get(one.signingKeys.signer.id)).toBeNull();
    expect(ends.get(other.signingKeys.signer.id)).not.toBeNull();
  });

  it('expire each other’s keys that were not replaced for twice the rotation period', async () => {
    const url = await newDatabase();
    const gone = await start(url, { SIGNING_KEY_SECRET: OTHER_SECRET });
    const abandoned = gone.signingKeys.signer.id;
    await gone.query(`update signing_key set create_time = now() - interval '10 years'`, []);
    const left = await start(url);
    await left.signingKeys.maintain();
    const keys = await left.signingKeys.list();
    expect(keys.find(({ id }) => id === abandoned)?.expireTime).toBeInstanceOf(Date);
    expect(keys.find(({ id }) => id === left.signingKeys.signer.id)?.expireTime).toBeNull();
  });
});

describe('a signing key that an earlier version has stored in plain text', () => {
  it('is sealed at the start, and its tokens stay valid', async () => {
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
    expect(await node.accepts(headers)).toBe(true);
    const [row] = (await node.query('select * from signing_key', [])) as { private_jwk: object; public_jwk: object }[];
    const { d, ...publicJwk } = jwk;
    expect(row).toMatchObject({ private_jwk: null, public_jwk: publicJwk });
    expect(JSON.stringify(row)).not.toContain(d);
    const again = await start(url);
    expect(await again.accepts(headers)).toBe(true);
  });
});

describe('a rotation', () => {
  it('on one node applies to all: they know the new key before it signs, and the old key keeps verifying', async () => {
    const url = await newDatabase();
    const [one, other] = [await start(url), await start(url)];
    const before = await one.signIn();
    const created = await one.keys.rotateSigningKey({}, before);
    expect(created).toMatchObject({ algorithm: 'EdDSA', signing: false });
    expect(created.activateTime?.getTime()).toBeGreaterThan(Date.now() + 60_000);
    await expect.poll(() => other.trust.trust.keys.map(({ id }) => `signingKeys/${id}`)).toContain(created.name);
    expect(kidOf(await one.signIn())).toBe(kidOf(before));

    await one.activate(created.name);
    for (const node of [one, other]) {
      await node.signingKeys.maintain();
      const after = await node.signIn();
      expect(kidOf(after)).toBe(created.name);
      for (const each of [one, other])
        expect([await each.accepts(before), await each.accepts(after)]).toEqual([true, true]);
    }
    const { signingKeys } = await one.keys.listSigningKeys({}, before);
    expect(signingKeys.map(({ name, signing }) => [name, signing])).toEqual([
      [kidOf(before), false],
      [created.name, true],
    ]);
    const [ended] = signingKeys;
    expect(ended?.expireTime?.getTime()).toBeGreaterThan((created.activateTime?.getTime() ?? 0) + 900_000);
  });

  it('creates no further key if it is called again before the new key signs', async () => {
    const node = await start(await newDatabase());
    const headers = await node.signIn();
    const [first, second] = await Promise.all([1, 2].map(() => node.keys.rotateSigningKey({}, headers)));
    expect(second).toEqual(first);
    expect((await node.keys.listSigningKeys({}, headers)).signingKeys).toHaveLength(2);
  });

  it('happens automatically after the rotation period, once for all nodes', async () => {
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

  it('happens when the algorithm changes, and tokens of both keys are accepted', async () => {
    const url = await newDatabase();
    const before = await (await start(url)).signIn();
    const node = await start(url, { TOKEN_ALGORITHM: 'ES256' });
    expect(await node.accepts(before)).toBe(true);
    const created = (await node.signingKeys.list()).at(-1);
    expect(created?.algorithm).toBe('ES256');
    await node.activate(`signingKeys/${created?.id}`);
    await node.signingKeys.maintain();
    const after = await node.signIn();
    expect(kidOf(after)).toBe(`signingKeys/${created?.id}`);
    expect([await node.accepts(before), await node.accepts(after)]).toEqual([true, true]);
  });

  it('deletes a key once its last token has expired', async () => {
    const node = await start(await newDatabase());
    const before = await node.signIn();
    const created = await node.keys.rotateSigningKey({}, before);
    await node.activate(created.name);
    await node.signingKeys.maintain();
    const after = await node.signIn();
    await node.query(`update signing_key set expire_time = now() where expire_time is not null`, []);
    await node.signingKeys.maintain();
    expect((await node.keys.listSigningKeys({}, after)).signingKeys.map(({ name }) => name)).toEqual([created.name]);
    await expect.poll(() => node.accepts(before)).toBe(false);
  });
});

describe('a leaked signing key', () => {
  it('can be deleted once another key signs, and its tokens are denied at once', async () => {
    const node = await start(await newDatabase());
    const before = await node.signIn();
    const name = kidOf(before);
    const inUse = { code: status.FAILED_PRECONDITION, reason: 'SIGNING_KEY_IN_USE' };
    expect(await expectFailure(node.keys.deleteSigningKey({ name }, before))).toMatchObject(inUse);
    const created = await node.keys.rotateSigningKey({}, before);
    for (const each of [name, created.name]) {
      expect(await expectFailure(node.keys.deleteSigningKey({ name: each }, before))).toMatchObject(inUse);
    }
    await node.activate(created.name);
    await node.signingKeys.maintain();
    const after = await node.signIn();
    await node.keys.deleteSigningKey({ name }, after);
    expect([await node.accepts(before), await node.accepts(after)]).toEqual([false, true]);
    expect(await expectFailure(node.keys.deleteSigningKey({ name }, after))).toMatchObject({ code: status.NOT_FOUND });
  });

  it('is identified by its resource name', async () => {
    const node = await start(await newDatabase());
    const failure = await expectFailure(node.keys.deleteSigningKey({ name: 'signingKeys/../x' }, await node.signIn()));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['name'] });
  });
});

describe('SigningKeyService', () => {
  it('is accessible only to administrators', async () => {
    const node = await start(await newDatabase());
    const user = { email: 'user@example.com', password: 'another horse' };
    await createUser(node.database, user);
    const headers = await node.signIn(user);
    const name = `signingKeys/${randomUUID()}`;
    const { listSigningKeys, rotateSigningKey, deleteSigningKey } = node.keys;
    for (const call of [
      () => listSigningKeys({}, headers),
      () => rotateSigningKey({}, headers),
      () => deleteSigningKey({ name }, headers),
    ]) {
      expect(await expectFailure(call())).toMatchObject({
        code: status.PERMISSION_DENIED,
        reason: 'NOT_ADMINISTRATOR',
      });
    }
  });
});

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startPruning } from '../../src/catalog/feed/prune.ts';
import { AccountEntity } from '../../src/database/entities.ts';
import { createQuery } from '../../src/database/open-database.ts';
import { ApiKey, ApiKeyServiceService } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { Claims, Issuer, IssuerServiceService } from '../../src/generated/weir/admin/v1/issuer_service.ts';
import { Limit } from '../../src/generated/weir/admin/v1/limit.ts';
import { Plan, PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import { SigningKeyServiceService } from '../../src/generated/weir/admin/v1/signing_key_service.ts';
import { TokenServiceService } from '../../src/generated/weir/admin/v1/token_service.ts';
import { hashPassword } from '../../src/identity/secrets/password.ts';
import { newDatabase } from '../support/databases.ts';
import { ADMIN, clientOf, failureOf, startAdminNode } from './admin-node.ts';

const USER = { id: randomUUID(), email: 'user@example.com', password: 'another horse' };
const DAY_MS = 86_400_000;

let node: Awaited<ReturnType<typeof startAdminNode>>;
let auth: ReturnType<typeof clientOf<typeof AuthServiceService>>;
let tokens: ReturnType<typeof clientOf<typeof TokenServiceService>>;
let issuers: ReturnType<typeof clientOf<typeof IssuerServiceService>>;
let plans: ReturnType<typeof clientOf<typeof PlanServiceService>>;
let keys: ReturnType<typeof clientOf<typeof ApiKeyServiceService>>;
let signingKeys: ReturnType<typeof clientOf<typeof SigningKeyServiceService>>;
let admin: { authorization: string };
let user: { authorization: string };

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const signIn = async (credentials: { email: string; password: string }) =>
  bearer((await auth.login(credentials)).accessToken);
type Issued = Parameters<typeof tokens.issueToken>[0];
const issue = (fields: Issued, as = admin) =>
  tokens.issueToken({ account: 'somebody', plan: 'plans/pro', ttl: '1h', ...fields }, as);
const query = (sql: string, parameters: readonly unknown[] = []) => createQuery(node.database)(sql, parameters);
const invalidToken = { code: status.UNAUTHENTICATED, reason: 'TOKEN_INVALID' };
const forbidden = { code: status.PERMISSION_DENIED, reason: 'NOT_ADMINISTRATOR' };

beforeAll(async () => {
  node = await startAdminNode(await newDatabase());
  auth = clientOf(AuthServiceService, node.address);
  tokens = clientOf(TokenServiceService, node.address);
  issuers = clientOf(IssuerServiceService, node.address);
  plans = clientOf(PlanServiceService, node.address);
  keys = clientOf(ApiKeyServiceService, node.address);
  signingKeys = clientOf(SigningKeyServiceService, node.address);
  const em = node.database.em.fork();
  const { id, email, password } = USER;
  em.create(AccountEntity, { id, email, passwordHash: await hashPassword(password), role: 'user', planId: 'free' });
  await em.flush();
  admin = await signIn(ADMIN);
  user = await signIn(USER);
});
afterAll(async () => {
  for (const client of [auth, tokens, issuers, plans, keys, signingKeys]) client.close();
  await node.stop();
});

describe('a token that is issued', () => {
  test('says what was asked for, and nothing is kept of it', async () => {
    const limits = [Limit.create({ name: 'own', requests: 5, window: '1m' })];
    const { token, tokenId, expireTime } = await issue({ limits, features: ['export'], role: 'admin', ttl: '30d' });
    const [header = '', payload = ''] = token.split('.');
    const decoded = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
    expect(decoded(header)).toMatchObject({ alg: 'EdDSA', typ: 'weir+jwt' });
    const claims = decoded(payload);
    expect(claims).toEqual({
      iss: 'weir',
      aud: 'weir',
      sub: 'somebody',
      jti: tokenId,
      iat: expect.any(Number),
      exp: claims.iat + 30 * 86_400,
      weir: {
        plan: 'pro',
        limits: [{ name: 'own', requests: 5, window: '60s', algorithm: 'sliding_window' }],
        features: ['export'],
        role: 'admin',
      },
    });
    expect(expireTime?.getTime()).toBe(claims.exp * 1000);
    const tables = await query(`select query_to_xml('select * from ' || table_name, true, true, '') as rows
      from information_schema.tables where table_schema = 'public' and table_name <> 'migration'`);
    expect(JSON.stringify(tables)).not.toContain(tokenId);
  });

  test.each<[string, Issued, readonly string[]]>([
    ['no account', { account: '' }, ['account']],
    ['an account with a line break', { account: 'a\r\nx-weir-plan: enterprise' }, ['account']],
    ['an account that is too long', { account: 'x'.repeat(257) }, ['account']],
    ['a plan by another name', { plan: 'pro' }, ['plan']],
    ['a plan that does not exist', { plan: 'plans/nowhere' }, ['plan']],
    ['neither plan nor limits', { plan: '' }, ['plan']],
    ['a limit with a fault', { limits: [Limit.create({ name: 'own', window: '1m' })] }, ['limits[0].requests']],
    [
      'a limit for an account',
      { limits: [Limit.create({ name: 'a', requests: 1, window: '1m', per: 'account' })] },
      ['limits[0].per'],
    ],
    ['a feature with a fault', { features: ['Export!'] }, ['features[0]']],
    ['another role', { role: 'root' }, ['role']],
    ['no end', { ttl: '' }, ['ttl']],
    ['an end that is too far', { ttl: '367d' }, ['ttl']],
    ['everything wrong', { account: '', plan: 'x', role: 'x', ttl: 'x' }, ['account', 'plan', 'role', 'ttl']],
    [
      'too much for a header',
      {
        limits: Array.from({ length: 16 }, (_, at) =>
          Limit.create({
            name: `l${at}`,
            requests: 1,
            window: '1m',
            routes: Array.from({ length: 64 }, (_each, route) => `route-${route}`),
          }),
        ),
      },
      ['limits'],
    ],
  ])('with %s is refused', async (_, fields, faults) => {
    const failure = await failureOf(issue(fields));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: faults });
  });

  test('is good as long as it says, however often keys rotate meanwhile', async () => {
    const { expireTime } = await issue({ ttl: '300d' });
    await issue({ ttl: '1h' });
    const before = (await signingKeys.listSigningKeys({}, admin)).signingKeys.find(({ signing }) => signing);
    const made = await signingKeys.rotateSigningKey({}, admin);
    const ended = async () =>
      (await signingKeys.listSigningKeys({}, admin)).signingKeys.find(({ name }) => name === before?.name)?.expireTime;
    expect((await ended())?.getTime()).toBeGreaterThan(expireTime?.getTime() ?? Number.POSITIVE_INFINITY);
    // By the key that still signs until the new one does.
    const later = await issue({ ttl: '360d' });
    expect((await ended())?.getTime()).toBeGreaterThan(later.expireTime?.getTime() ?? Number.POSITIVE_INFINITY);
    await query(`update signing_key set activate_time = now() where 'signingKeys/' || id = ?`, [made.name]);
    await node.signingKeys.maintain();
    expect((await signingKeys.listSigningKeys({}, admin)).signingKeys).toHaveLength(2);
  });
});

describe('the admin API', () => {
  const asAdmin = async () => bearer((await issue({ account: 'ops', plan: '', role: 'admin' })).token);

  test('takes a stateless token of an administrator, until it is revoked', async () => {
    const headers = await asAdmin();
    await plans.listPlans({}, headers);
    expect((await issuers.listIssuers({}, headers)).issuers).toBeDefined();
    await tokens.revokeToken({ token: headers.authorization.slice('Bearer '.length) }, headers);
    expect(await failureOf(plans.listPlans({}, headers))).toMatchObject(invalidToken);
  });

  test('takes no other stateless token, even for an account of the catalog', async () => {
    const headers = bearer((await issue({ account: USER.id })).token);
    for (const call of [() => plans.listPlans({}, headers), () => keys.createApiKey({}, headers)]) {
      expect(await failureOf(call())).toMatchObject(forbidden);
    }
  });

  test('tells an administrator without an account what needs one', async () => {
    const headers = await asAdmin();
    const failure = await failureOf(keys.createApiKey({ apiKey: ApiKey.create() }, headers));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['api_key.account'] });
    const { apiKey } = await keys.createApiKey({ apiKey: ApiKey.create({ account: `accounts/${USER.id}` }) }, headers);
    const { name = '' } = apiKey ?? expect.fail();
    await keys.updateApiKey({ apiKey: ApiKey.create({ name, disabled: true }), updateMask: 'disabled' }, headers);
    expect((await keys.listApiKeys({}, headers)).apiKeys.map((key) => key.name)).toContain(name);
    const nobody = await failureOf(keys.getApiKey({ name: `apiKeys/${randomUUID()}` }, headers));
    expect(nobody.code).toBe(status.NOT_FOUND);
    const session = await failureOf(auth.logout({}, headers));
    expect(session).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['refresh_token'] });
  });

  test.each([
    ['of no token', 'Bearer x'],
    ['of an API key', `Bearer wk_live_${'A'.repeat(28)}`],
    ['of three dots', 'Bearer ...'],
    ['another scheme', 'Basic YTpi'],
  ])('refuses the header %s', async (_, authorization) => {
    expect(await failureOf(plans.listPlans({}, { authorization }))).toMatchObject(invalidToken);
  });

  test('refuses a token whose signature is another one’s', async () => {
    const [header, claims] = admin.authorization.split('.');
    const [, , signature] = user.authorization.split('.');
    expect(await failureOf(plans.listPlans({}, { authorization: `${header}.${claims}.${signature}` }))).toMatchObject(
      invalidToken,
    );
  });

  test('refuses a session that was ended, and sees a role that was taken away, at once', async () => {
    const headers = await signIn(USER);
    await plans.listPlans({}, headers);
    await query(`update account set role = 'admin' where id = ?`, [USER.id]);
    await issuers.listIssuers({}, headers);
    await query(`update account set role = 'user' where id = ?`, [USER.id]);
    expect(await failureOf(issuers.listIssuers({}, headers))).toMatchObject(forbidden);
    await auth.logout({}, headers);
    expect(await failureOf(plans.listPlans({}, headers))).toMatchObject(invalidToken);
  });
});

describe('an issuer outside', () => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const iss = 'https://login.example.com';
  const sign = (claims: object, key = privateKey) =>
    new SignJWT({ iss, aud: 'weir-admin', exp: Math.floor(Date.now() / 1000) + 60, ...claims })
      .setProtectedHeader({ alg: 'ES256' })
      .sign(key);
  const update = (updateMask: string, fields: Partial<Issuer>) =>
    issuers.updateIssuer({ issuer: Issuer.create({ name: 'issuers/partner', ...fields }), updateMask }, admin);
  const claims = Claims.create({ role: 'realm_access.roles', adminRoles: ['weir-admin'] });
  const root = { sub: 'root', realm_access: { roles: ['user', 'weir-admin'] }, iat: Math.floor(Date.now() / 1000) };

  beforeEach(async () => {
    await issuers.deleteIssuer({ name: 'issuers/partner' }, admin).catch(() => {}); // the first time there is none
    const issuer = Issuer.create({
      issuer: iss,
      audiences: ['weir-admin'],
      algorithms: ['ES256'],
      jwks: { keys: [publicKey.export({ format: 'jwk' })] },
      claims,
    });
    await issuers.createIssuer({ issuerId: 'partner', issuer }, admin);
  });

  test('makes administrators by the roles that were agreed, and nobody else', async () => {
    const headers = bearer(await sign(root));
    await issuers.listIssuers({}, headers);
    const planId = `p-${randomUUID()}`;
    expect((await plans.createPlan({ planId, plan: Plan.create() }, headers)).name).toBe(`plans/${planId}`);
    for (const roles of [['user'], [], ['weir-admin2'], 'WEIR-ADMIN']) {
      const other = bearer(await sign({ ...root, realm_access: { roles } }));
      expect(await failureOf(plans.listPlans({}, other))).toMatchObject(forbidden);
    }
  });

  test.each<[string, object]>([
    ['another audience', { aud: 'shop' }],
    ['another issuer', { iss: 'https://evil.example.com' }],
    ['an end that is past', { exp: 1 }],
    ['no end', { exp: undefined }],
    ['a begin that is to come', { nbf: Math.floor(Date.now() / 1000) + 3600 }],
  ])('is not believed a token with %s', async (_, wrong) => {
    const headers = bearer(await sign({ ...root, ...wrong }));
    expect(await failureOf(plans.listPlans({}, headers))).toMatchObject(invalidToken);
  });

  test('is not believed what another key has signed', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    expect(await failureOf(plans.listPlans({}, bearer(await sign(root, other))))).toMatchObject(invalidToken);
  });

  test('loses its administrators when it is disabled, or its mapping changes, at once', async () => {
    const headers = bearer(await sign(root));
    await issuers.listIssuers({}, headers);
    await update('claims', { claims: Claims.create({ role: 'realm_access.roles', adminRoles: ['other'] }) });
    expect(await failureOf(plans.listPlans({}, headers))).toMatchObject(forbidden);
    await update('claims', { claims });
    await issuers.listIssuers({}, headers);
    await update('disabled', { disabled: true });
    expect(await failureOf(plans.listPlans({}, headers))).toMatchObject(invalidToken);
  });

  test('with accounts of the catalog has them manage their own keys, by the role that it tells', async () => {
    await update('catalogAccounts', { catalogAccounts: true });
    const headers = bearer(await sign({ sub: USER.id }));
    const { apiKey } = await keys.createApiKey({ apiKey: ApiKey.create() }, headers);
    expect(apiKey?.account).toBe(`accounts/${USER.id}`);
    expect(await failureOf(issuers.listIssuers({}, headers))).toMatchObject(forbidden);
    const [first] = (await query(`select id from account where role = 'admin'`)) as { id: string }[];
    const notAdmin = bearer(await sign({ sub: first?.id }));
    expect(await failureOf(issuers.listIssuers({}, notAdmin))).toMatchObject(forbidden);
    expect(await failureOf(plans.listPlans({}, bearer(await sign({ sub: randomUUID() }))))).toMatchObject(invalidToken);
  });

  test('has its tokens revoked by themselves, by their id, and by their account', async () => {
    const takes = async (token: string) =>
      plans.listPlans({}, bearer(token)).then(
        () => true,
        () => false,
      );
    const [one, two, three] = await Promise.all(['1', '2', '3'].map((jti) => sign({ ...root, jti })));
    if (one === undefined || two === undefined || three === undefined) expect.fail();
    await tokens.revokeToken({ token: one }, admin);
    expect([await takes(one), await takes(two), await takes(three)]).toEqual([false, true, true]);
    await tokens.revokeToken({ tokenId: '2' }, admin); // one of ours, which this is not
    expect(await takes(two)).toBe(true);
    await tokens.revokeToken({ tokenId: '2', issuer: 'issuers/partner' }, admin);
    expect([await takes(two), await takes(three)]).toEqual([false, true]);
    await tokens.revokeTokens({ account: 'root', issuer: 'issuers/partner', issuedBefore: new Date() }, admin);
    expect(await takes(three)).toBe(false);
    expect(await takes(await sign({ ...root, iat: Math.floor(Date.now() / 1000) + 2 }))).toBe(true);
    await query('delete from revocation');
  });

  test('is told that a token without an id cannot be revoked by itself', async () => {
    const failure = await failureOf(tokens.revokeToken({ token: await sign(root) }, admin));
    expect(failure).toMatchObject({
      code: status.INVALID_ARGUMENT,
      fields: ['token'],
      message: expect.stringContaining('jti'),
    });
  });
});

describe('a revocation', () => {
  test.each<[string, Parameters<typeof tokens.revokeToken>[0], readonly string[]]>([
    ['of nothing', {}, ['token_id']],
    ['of garbage', { token: 'x.y.z' }, ['token']],
    ['of a token and of an id', { token: 'x.y.z', tokenId: 'x' }, ['token']],
    ['of an id that none can be', { tokenId: 'a\nb', issuer: 'partner' }, ['token_id', 'issuer']],
  ])('%s is refused', async (_, request, fields) => {
    const failure = await failureOf(tokens.revokeToken(request, admin));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields });
  });

  test('of an account names it, and a time that has passed', async () => {
    const failure = await failureOf(
      tokens.revokeTokens({ account: '', issuedBefore: new Date(Date.now() + DAY_MS) }, admin),
    );
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['account', 'issued_before'] });
  });

  test('names an issuer that there is', async () => {
    for (const call of [
      () => tokens.revokeToken({ tokenId: 'x', issuer: 'issuers/nobody' }, admin),
      () => tokens.revokeTokens({ account: 'x', issuer: 'issuers/nobody' }, admin),
    ]) {
      expect(await failureOf(call())).toMatchObject({ code: status.NOT_FOUND });
    }
  });

  test('made again lasts as long as the longer one, and is taken away when that has passed', async () => {
    const now = Math.floor(Date.now() / 1000) * 1000;
    const at = (days: number) => new Date(now + days * DAY_MS);
    for (const days of [2, 1]) await tokens.revokeToken({ tokenId: 'kept', expireTime: at(days) }, admin);
    await tokens.revokeToken({ tokenId: 'past', expireTime: at(-1) }, admin);
    const rows = () =>
      query(
        `select value, extract(epoch from expire_time)::int as expires from revocation where value in ('kept', 'past') order by value`,
      );
    expect(await rows()).toMatchObject([{ value: 'kept', expires: at(2).getTime() / 1000 }, { value: 'past' }]);
    const stop = startPruning(createQuery(node.database), {
      info: () => {},
      warn: () => expect.fail(),
      error: () => {},
    });
    await expect.poll(rows).toMatchObject([{ value: 'kept' }]);
    stop();
  });
});

test('who is no administrator issues and revokes nothing', async () => {
  for (const call of [
    () => issue({}, user),
    () => tokens.revokeToken({ tokenId: 'x' }, user),
    () => tokens.revokeTokens({ account: 'x' }, user),
  ]) {
    expect(await failureOf(call())).toMatchObject(forbidden);
  }
});

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startPruning } from '../../src/catalog/feed/prune.ts';
import { AccountEntity } from '../../src/database/entities/account-entity.ts';
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
import { ADMIN, createClient, expectFailure, startAdminNode } from './admin-node.ts';

const USER = { id: randomUUID(), email: 'user@example.com', password: 'another horse' };
const DAY_MS = 86_400_000;

let node: Awaited<ReturnType<typeof startAdminNode>>;
let auth: ReturnType<typeof createClient<typeof AuthServiceService>>;
let tokens: ReturnType<typeof createClient<typeof TokenServiceService>>;
let issuers: ReturnType<typeof createClient<typeof IssuerServiceService>>;
let plans: ReturnType<typeof createClient<typeof PlanServiceService>>;
let keys: ReturnType<typeof createClient<typeof ApiKeyServiceService>>;
let signingKeys: ReturnType<typeof createClient<typeof SigningKeyServiceService>>;
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
  auth = createClient(AuthServiceService, node.address);
  tokens = createClient(TokenServiceService, node.address);
  issuers = createClient(IssuerServiceService, node.address);
  plans = createClient(PlanServiceService, node.address);
  keys = createClient(ApiKeyServiceService, node.address);
  signingKeys = createClient(SigningKeyServiceService, node.address);
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

describe('a stateless token', () => {
  it('contains the requested claims', async () => {
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
  });

  it('is stored nowhere, and its id only in the audit trail unless it has a role', async () => {
    const plain = await issue({ ttl: '30d' });
    const administrative = await issue({ role: 'admin', ttl: '30d' });
    const tables = await query(`select query_to_xml('select * from ' || table_name, true, true, '') as rows
      from information_schema.tables where table_schema = 'public' and table_name <> 'migration'
        and table_name not like 'audit_event%'`);
    const events = await query('select event::text from audit_event event');
    const rows = JSON.stringify(tables);
    expect(rows).not.toContain(plain.tokenId);
    expect(rows).toContain(administrative.tokenId);
    for (const { token } of [plain, administrative]) {
      const [, , signature = ''] = token.split('.');
      expect(rows + JSON.stringify(events)).not.toContain(signature);
    }
  });

  it.each<[string, Issued, readonly string[]]>([
    ['no account', { account: '' }, ['account']],
    ['an account with a line break', { account: 'a\r\nx-weir-plan: enterprise' }, ['account']],
    ['an account that is too long', { account: 'x'.repeat(257) }, ['account']],
    ['a plan that is not a resource name', { plan: 'pro' }, ['plan']],
    ['a plan that does not exist', { plan: 'plans/nowhere' }, ['plan']],
    ['neither plan nor limits', { plan: '' }, ['plan']],
    ['an invalid limit', { limits: [Limit.create({ name: 'own', window: '1m' })] }, ['limits[0].requests']],
    [
      'a limit for a whole account',
      { limits: [Limit.create({ name: 'a', requests: 1, window: '1m', per: 'account' })] },
      ['limits[0].per'],
    ],
    ['an invalid feature', { features: ['two words'] }, ['features[0]']],
    ['an unknown role', { role: 'root' }, ['role']],
    ['no expiry', { ttl: '' }, ['ttl']],
    ['a lifetime that is too long', { ttl: '367d' }, ['ttl']],
    ['several invalid fields', { account: '', plan: 'x', role: 'x', ttl: 'x' }, ['account', 'plan', 'role', 'ttl']],
    [
      'limits that are too long for a header',
      {
        limits: Array.from({ length: 16 }, (_, index) =>
          Limit.create({
            name: `l${index}`,
            requests: 1,
            window: '1m',
            routes: Array.from({ length: 64 }, (_each, route) => `route-${route}`),
          }),
        ),
      },
      ['limits'],
    ],
  ])('is not issued with %s', async (_, fields, faults) => {
    const failure = await expectFailure(issue(fields));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: faults });
  });

  it('stays valid until it expires, even if keys rotate', async () => {
    const { expireTime } = await issue({ ttl: '300d' });
    await issue({ ttl: '1h' });
    const before = (await signingKeys.listSigningKeys({}, admin)).signingKeys.find(({ signing }) => signing);
    const created = await signingKeys.rotateSigningKey({}, admin);
    const ended = async () =>
      (await signingKeys.listSigningKeys({}, admin)).signingKeys.find(({ name }) => name === before?.name)?.expireTime;
    expect((await ended())?.getTime()).toBeGreaterThan(expireTime?.getTime() ?? Number.POSITIVE_INFINITY);
    // Signed by the old key, which signs until the new one does.
    const later = await issue({ ttl: '360d' });
    expect((await ended())?.getTime()).toBeGreaterThan(later.expireTime?.getTime() ?? Number.POSITIVE_INFINITY);
    await query(`update signing_key set activate_time = now() where 'signingKeys/' || id = ?`, [created.name]);
    await node.signingKeys.maintain();
    expect((await signingKeys.listSigningKeys({}, admin)).signingKeys).toHaveLength(2);
  });
});

describe('the admin API', () => {
  const asAdmin = async () => bearer((await issue({ account: 'ops', plan: '', role: 'admin' })).token);

  it('accepts a stateless token of an administrator until it is revoked', async () => {
    const headers = await asAdmin();
    await plans.listPlans({}, headers);
    expect((await issuers.listIssuers({}, headers)).issuers).toBeDefined();
    await tokens.revokeToken({ token: headers.authorization.slice('Bearer '.length) }, headers);
    expect(await expectFailure(plans.listPlans({}, headers))).toMatchObject(invalidToken);
  });

  it('rejects other stateless tokens, even for an account of the catalog', async () => {
    const headers = bearer((await issue({ account: USER.id })).token);
    for (const call of [() => plans.listPlans({}, headers), () => keys.createApiKey({}, headers)]) {
      const message = 'this token is for the data plane; sign in with AuthService/Login to call the admin API';
      expect(await expectFailure(call())).toMatchObject({ ...forbidden, message });
    }
  });

  it('names the field that needs an account to an administrator without one', async () => {
    const headers = await asAdmin();
    const failure = await expectFailure(keys.createApiKey({ apiKey: ApiKey.create() }, headers));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['api_key.account'] });
    const { apiKey } = await keys.createApiKey({ apiKey: ApiKey.create({ account: `accounts/${USER.id}` }) }, headers);
    const { name = '' } = apiKey ?? expect.fail();
    await keys.updateApiKey({ apiKey: ApiKey.create({ name, disabled: true }), updateMask: 'disabled' }, headers);
    expect((await keys.listApiKeys({}, headers)).apiKeys.map((key) => key.name)).toContain(name);
    const nobody = await expectFailure(keys.getApiKey({ name: `apiKeys/${randomUUID()}` }, headers));
    expect(nobody.code).toBe(status.NOT_FOUND);
    const session = await expectFailure(auth.logout({}, headers));
    expect(session).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['refresh_token'] });
  });

  it.each([
    ['without a token', 'Bearer x'],
    ['with an API key', `Bearer wk_live_${'A'.repeat(28)}`],
    ['with three dots', 'Bearer ...'],
    ['of another scheme', 'Basic YTpi'],
  ])('rejects an authorization header %s', async (_, authorization) => {
    expect(await expectFailure(plans.listPlans({}, { authorization }))).toMatchObject(invalidToken);
  });

  it('rejects a token with the signature of another one', async () => {
    const [header, claims] = admin.authorization.split('.');
    const [, , signature] = user.authorization.split('.');
    expect(
      await expectFailure(plans.listPlans({}, { authorization: `${header}.${claims}.${signature}` })),
    ).toMatchObject(invalidToken);
  });

  it('rejects an ended session and notices a lost role at once', async () => {
    const headers = await signIn(USER);
    await plans.listPlans({}, headers);
    await query(`update account set role = 'admin' where id = ?`, [USER.id]);
    await issuers.listIssuers({}, headers);
    await query(`update account set role = 'user' where id = ?`, [USER.id]);
    expect(await expectFailure(issuers.listIssuers({}, headers))).toMatchObject(forbidden);
    await auth.logout({}, headers);
    expect(await expectFailure(plans.listPlans({}, headers))).toMatchObject(invalidToken);
  });
});

describe('an external issuer', () => {
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
    await issuers.deleteIssuer({ name: 'issuers/partner' }, admin).catch(() => {}); // fails before the first test
    const issuer = Issuer.create({
      issuer: iss,
      audiences: ['weir-admin'],
      algorithms: ['ES256'],
      jwks: { keys: [publicKey.export({ format: 'jwk' })] },
      claims,
    });
    await issuers.createIssuer({ issuerId: 'partner', issuer }, admin);
  });

  it('declares administrators only by the configured roles', async () => {
    const headers = bearer(await sign(root));
    await issuers.listIssuers({}, headers);
    const planId = `p-${randomUUID()}`;
    const plan = Plan.create({ limits: [Limit.create({ name: 'minute', requests: 5, window: '60s' })] });
    expect((await plans.createPlan({ planId, plan }, headers)).name).toBe(`plans/${planId}`);
    for (const roles of [['user'], [], ['weir-admin2'], 'WEIR-ADMIN']) {
      const other = bearer(await sign({ ...root, realm_access: { roles } }));
      expect(await expectFailure(plans.listPlans({}, other))).toMatchObject(forbidden);
    }
  });

  it.each<[string, object]>([
    ['another audience', { aud: 'shop' }],
    ['another issuer', { iss: 'https://evil.example.com' }],
    ['an expiry in the past', { exp: 1 }],
    ['no expiry', { exp: undefined }],
    ['a start in the future', { nbf: Math.floor(Date.now() / 1000) + 3600 }],
  ])('is not trusted for a token with %s', async (_, wrong) => {
    const headers = bearer(await sign({ ...root, ...wrong }));
    expect(await expectFailure(plans.listPlans({}, headers))).toMatchObject(invalidToken);
  });

  it('is not trusted for a token of another key', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    expect(await expectFailure(plans.listPlans({}, bearer(await sign(root, other))))).toMatchObject(invalidToken);
  });

  it('loses its administrators at once when it is disabled or its claims are mapped differently', async () => {
    const headers = bearer(await sign(root));
    await issuers.listIssuers({}, headers);
    await update('claims', { claims: Claims.create({ role: 'realm_access.roles', adminRoles: ['other'] }) });
    expect(await expectFailure(plans.listPlans({}, headers))).toMatchObject(forbidden);
    await update('claims', { claims });
    await issuers.listIssuers({}, headers);
    await update('disabled', { disabled: true });
    expect(await expectFailure(plans.listPlans({}, headers))).toMatchObject(invalidToken);
  });

  it('lets accounts of the catalog manage their own keys, with the role in its token', async () => {
    await update('catalogAccounts', { catalogAccounts: true });
    const headers = bearer(await sign({ sub: USER.id }));
    const { apiKey } = await keys.createApiKey({ apiKey: ApiKey.create() }, headers);
    expect(apiKey?.account).toBe(`accounts/${USER.id}`);
    expect(await expectFailure(issuers.listIssuers({}, headers))).toMatchObject(forbidden);
    const [first] = (await query(`select id from account where role = 'admin'`)) as { id: string }[];
    const notAdmin = bearer(await sign({ sub: first?.id }));
    expect(await expectFailure(issuers.listIssuers({}, notAdmin))).toMatchObject(forbidden);
    expect(await expectFailure(plans.listPlans({}, bearer(await sign({ sub: randomUUID() }))))).toMatchObject(
      invalidToken,
    );
  });

  it('can have tokens revoked by the token, by its id and by its account', async () => {
    const accepts = async (token: string) =>
      plans.listPlans({}, bearer(token)).then(
        () => true,
        () => false,
      );
    const [one, two, three] = await Promise.all(['1', '2', '3'].map((jti) => sign({ ...root, jti })));
    if (one === undefined || two === undefined || three === undefined) expect.fail();
    await tokens.revokeToken({ token: one }, admin);
    expect([await accepts(one), await accepts(two), await accepts(three)]).toEqual([false, true, true]);
    await tokens.revokeToken({ tokenId: '2' }, admin); // without an issuer, this names one of Weir's own tokens
    expect(await accepts(two)).toBe(true);
    await tokens.revokeToken({ tokenId: '2', issuer: 'issuers/partner' }, admin);
    expect([await accepts(two), await accepts(three)]).toEqual([false, true]);
    await tokens.revokeTokens({ account: 'root', issuer: 'issuers/partner', issuedBefore: new Date() }, admin);
    expect(await accepts(three)).toBe(false);
    expect(await accepts(await sign({ ...root, iat: Math.floor(Date.now() / 1000) + 2 }))).toBe(true);
    await query('delete from revocation');
  });

  it('cannot have a token revoked that has no id', async () => {
    const failure = await expectFailure(tokens.revokeToken({ token: await sign(root) }, admin));
    expect(failure).toMatchObject({
      code: status.INVALID_ARGUMENT,
      fields: ['token'],
      message: expect.stringContaining('jti'),
    });
  });
});

describe('a revocation', () => {
  it.each<[string, Parameters<typeof tokens.revokeToken>[0], readonly string[]]>([
    ['an empty request', {}, ['token_id']],
    ['an invalid token', { token: 'x.y.z' }, ['token']],
    ['both a token and an id', { token: 'x.y.z', tokenId: 'x' }, ['token']],
    ['an invalid id', { tokenId: 'a\nb', issuer: 'partner' }, ['token_id', 'issuer']],
  ])('is rejected with %s', async (_, request, fields) => {
    const failure = await expectFailure(tokens.revokeToken(request, admin));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields });
  });

  it('requires an account and a time in the past for all tokens of an account', async () => {
    const failure = await expectFailure(
      tokens.revokeTokens({ account: '', issuedBefore: new Date(Date.now() + DAY_MS) }, admin),
    );
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['account', 'issued_before'] });
  });

  it('requires an existing issuer', async () => {
    for (const call of [
      () => tokens.revokeToken({ tokenId: 'x', issuer: 'issuers/nobody' }, admin),
      () => tokens.revokeTokens({ account: 'x', issuer: 'issuers/nobody' }, admin),
    ]) {
      expect(await expectFailure(call())).toMatchObject({ code: status.NOT_FOUND });
    }
  });

  it('lasts as long as the longest of several equal ones, and is deleted afterwards', async () => {
    const now = Math.floor(Date.now() / 1000) * 1000;
    const at = (days: number) => new Date(now + days * DAY_MS);
    for (const days of [2, 1]) await tokens.revokeToken({ tokenId: 'kept', expireTime: at(days) }, admin);
    await tokens.revokeToken({ tokenId: 'past', expireTime: at(-1) }, admin);
    const rows = () =>
      query(
        `select value, extract(epoch from expire_time)::int as expires from revocation where value in ('kept', 'past') order by value`,
      );
    expect(await rows()).toMatchObject([{ value: 'kept', expires: at(2).getTime() / 1000 }, { value: 'past' }]);
    const warnings: string[] = [];
    const warn = (_fields: object, message: string) => void warnings.push(message);
    const stop = startPruning(createQuery(node.database), { info: () => {}, warn, error: () => {} });
    await expect.poll(rows).toMatchObject([{ value: 'kept' }]);
    expect(warnings).toEqual([]);
    // A statement that is running may fail when the node stops.
    stop();
  });
});

describe('TokenService', () => {
  it('is accessible only to administrators', async () => {
    for (const call of [
      () => issue({}, user),
      () => tokens.revokeToken({ tokenId: 'x' }, user),
      () => tokens.revokeTokens({ account: 'x' }, user),
    ]) {
      expect(await expectFailure(call())).toMatchObject(forbidden);
    }
  });
});

import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import {
  Claims,
  Issuer,
  IssuerServiceService,
  TestIssuerResponse_Step_Kind as Step,
} from '../../src/generated/weir/admin/v1/issuer_service.ts';
import { Limit } from '../../src/generated/weir/admin/v1/limit.ts';
import { Plan, PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import { newDatabase } from '../support/databases.ts';
import { IdentityProvider, makeTokenKey, signToken } from '../support/servers/identity-provider.ts';
import { ADMIN, createClient, createUser, expectFailure, startAdminNode } from './admin-node.ts';

const USER = { email: 'user@example.com', password: 'another horse' };
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const publicJwk = { ...publicKey.export({ format: 'jwk' }), kid: '1' };

let node: Awaited<ReturnType<typeof startAdminNode>>;
let issuers: ReturnType<typeof createClient<typeof IssuerServiceService>>;
let plans: ReturnType<typeof createClient<typeof PlanServiceService>>;
let admin: { authorization: string };
let user: { authorization: string };

beforeAll(async () => {
  node = await startAdminNode(await newDatabase(), { INSECURE_HTTP_ISSUER_HOSTS: 'keycloak.auth.svc:8080' });
  issuers = createClient(IssuerServiceService, node.address);
  plans = createClient(PlanServiceService, node.address);
  await createUser(node.database, USER);
  const auth = createClient(AuthServiceService, node.address);
  const signIn = async (credentials: typeof USER) => `Bearer ${(await auth.login(credentials)).accessToken}`;
  admin = { authorization: await signIn(ADMIN) };
  user = { authorization: await signIn(USER) };
  auth.close();
});
afterAll(async () => {
  for (const client of [issuers, plans]) client.close();
  await node.stop();
});

const newIssuer = (fields: Partial<Issuer> = {}): Issuer =>
  Issuer.create({
    issuer: `https://${randomUUID()}.example.com`,
    audiences: ['api'],
    algorithms: ['ES256'],
    jwks: { keys: [publicJwk] },
    ...fields,
  });
const create = (fields: Partial<Issuer> = {}, issuerId = `i-${randomUUID()}`) =>
  issuers.createIssuer({ issuerId, issuer: newIssuer(fields) }, admin);
const update = (name: string, updateMask: string, fields: Partial<Issuer>) =>
  issuers.updateIssuer({ issuer: Issuer.create({ name, ...fields }), updateMask }, admin);
const trusted = (name: string) => node.trust.trust.issuers.find(({ id }) => `issuers/${id}` === name);

describe('an issuer', () => {
  it('is created, returned, listed and trusted at once', async () => {
    const claims = Claims.create({
      account: 'email',
      plan: 'tier',
      features: 'scope',
      role: 'realm.roles',
      adminRoles: ['root'],
    });
    const created = await create({ displayName: 'A partner', claims, defaultPlan: 'plans/pro', catalogAccounts: true });
    expect(created).toMatchObject({
      displayName: 'A partner',
      claims,
      defaultPlan: 'plans/pro',
      jwks: { keys: [publicJwk] },
    });
    expect(await issuers.getIssuer({ name: created.name }, admin)).toEqual(created);
    expect((await issuers.listIssuers({ pageSize: 1000 }, admin)).issuers).toContainEqual(created);
    expect(trusted(created.name)).toMatchObject({
      issuer: created.issuer,
      keys: { kind: 'static', jwks: { keys: [publicJwk] } },
      claims: { account: 'email', role: 'realm.roles', adminRoles: ['root'] },
      defaultPlanId: 'pro',
      catalogAccounts: true,
    });
  });

  it('has its keys at a URL, or where OpenID discovery says', async () => {
    const jwksUri = 'https://login.example.com/keys';
    expect(trusted((await create({ jwks: undefined, jwksUri })).name)?.keys).toEqual({
      kind: 'jwks_uri',
      uri: jwksUri,
    });
    expect(trusted((await create({ jwks: undefined })).name)?.keys).toEqual({ kind: 'discovery' });
  });

  it('has its keys at an http URL only if it says so and the host is in the list of the node', async () => {
    const jwksUri = 'http://keycloak.auth.svc:8080/certs';
    const fields = { jwks: undefined, jwksUri, insecureHttp: true };
    const created = await create(fields);
    expect(created).toMatchObject({ jwksUri, insecureHttp: true });
    expect(await issuers.getIssuer({ name: created.name }, admin)).toMatchObject({ insecureHttp: true });
    expect(trusted(created.name)).toMatchObject({ insecureHttp: true, keys: { kind: 'jwks_uri', uri: jwksUri } });
    for (const wrong of [
      { insecureHttp: false },
      { jwksUri: 'http://keycloak.auth.svc/certs' },
      { jwksUri: 'http://10.0.0.5:8080/certs' },
      { jwksUri: 'http://keycloak.auth.svc.example.com:8080/certs' },
    ]) {
      const failure = await expectFailure(create({ ...fields, ...wrong }));
      expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['issuer.jwks_uri'] });
    }
    const discovered = { jwks: undefined, insecureHttp: true, issuer: 'http://dex' };
    expect(await expectFailure(create(discovered))).toMatchObject({ fields: ['issuer.issuer'] });
    const failure = await expectFailure(update(created.name, 'insecureHttp', {}));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['issuer.jwks_uri'] });
  });

  it('is listed once across all pages', async () => {
    for (const _ of [1, 2, 3]) await create();
    const all = (await issuers.listIssuers({ pageSize: 1000 }, admin)).issuers.map(({ name }) => name);
    const paged: string[] = [];
    let pageToken = '';
    do {
      const page = await issuers.listIssuers({ pageSize: 2, pageToken }, admin);
      paged.push(...page.issuers.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(paged).toEqual(all);
    expect(all).toEqual(all.toSorted());
  });

  it('is rejected if fields are invalid, and each is named', async () => {
    const wrong = {
      displayName: 'a\nb',
      issuer: 'weir',
      audiences: [],
      algorithms: ['none'],
      jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }) }, { kty: 'oct', k: 'c2VjcmV0' }] },
      jwksUri: 'http://login.example.com',
      claims: Claims.create({ adminRoles: ['root'] }),
      defaultPlan: 'pro',
    };
    const failure = await expectFailure(create(wrong, 'No!'));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, reason: 'INVALID_FIELDS' });
    const fields = [
      'display_name',
      'issuer',
      'audiences',
      'algorithms[0]',
      'jwks.keys[0]',
      'jwks.keys[1]',
      'jwks_uri',
      'claims.role',
      'default_plan',
    ];
    expect(failure.fields.toSorted()).toEqual(['issuer_id', ...fields.map((field) => `issuer.${field}`)].toSorted());
    expect(failure.message).not.toContain(privateKey.export({ format: 'jwk' }).d);
  });

  it('reads claims by JSON Pointer, and is rejected if a pointer is malformed', async () => {
    const claims = Claims.create({ account: '/kubernetes.io/serviceaccount/name', plan: '/orgs/0/a~1b~0c' });
    const created = await create({ claims });
    expect(created.claims).toEqual(claims);
    const malformed = Claims.create({ account: '/a~', plan: '/a~2', features: 'a~b', role: '/roles/~' });
    const failure = await expectFailure(update(created.name, 'claims', { claims: malformed }));
    expect(failure).toMatchObject({
      code: status.INVALID_ARGUMENT,
      fields: ['issuer.claims.account', 'issuer.claims.plan', 'issuer.claims.role'],
    });
  });

  it('must name an existing plan', async () => {
    const failure = await expectFailure(create({ defaultPlan: 'plans/nowhere' }));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['issuer.default_plan'] });
  });

  it('is unique by its id and by its iss claim', async () => {
    const created = await create();
    const sameId = await expectFailure(create({}, created.name.slice('issuers/'.length)));
    expect(sameId).toMatchObject({ code: status.ALREADY_EXISTS, message: expect.stringContaining(created.name) });
    const sameIssuer = await expectFailure(create({ issuer: created.issuer }));
    expect(sameIssuer).toMatchObject({ code: status.ALREADY_EXISTS, message: expect.stringContaining(created.name) });
  });

  it('is unique by its aliases as well', async () => {
    const [iss, alias] = [`https://${randomUUID()}.example.com`, `https://${randomUUID()}.example.com/`];
    const created = await create({ issuer: iss, issuerAliases: [alias] });
    expect(created.issuerAliases).toEqual([alias]);
    for (const taken of [{ issuer: alias }, { issuerAliases: ['x', iss] }, { issuerAliases: [alias] }]) {
      expect(await expectFailure(create(taken))).toMatchObject({
        code: status.ALREADY_EXISTS,
        message: expect.stringContaining(created.name),
      });
    }
    const other = await create();
    expect(await expectFailure(update(other.name, 'issuerAliases', { issuerAliases: [alias] }))).toMatchObject({
      code: status.ALREADY_EXISTS,
      message: expect.stringContaining(created.name),
    });
    // An alias that is given up is free, and an issuer may take one of its own as its name.
    await update(created.name, 'issuer,issuerAliases', { issuer: alias, issuerAliases: [] });
    await update(other.name, 'issuerAliases', { issuerAliases: [iss] });
    await issuers.deleteIssuer({ name: created.name }, admin);
    await update(other.name, 'issuerAliases', { issuerAliases: [iss, alias] });
  });

  it('has its audience in aud, or in client_id or azp next to required claims', async () => {
    expect(await create()).toMatchObject({ audienceClaim: 'aud', requiredClaims: {} });
    const fields = { audienceClaim: 'client_id', requiredClaims: { token_use: 'access' } };
    const created = await create(fields);
    expect(created).toMatchObject(fields);
    expect(await issuers.getIssuer({ name: created.name }, admin)).toEqual(created);
    expect(trusted(created.name)).toMatchObject({
      audienceClaim: 'client_id',
      requiredClaims: [{ path: 'token_use', value: 'access' }],
    });
    const alone = await expectFailure(update(created.name, 'requiredClaims', {}));
    expect(alone).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['issuer.required_claims'] });
    const other = await expectFailure(update(created.name, 'audienceClaim', { audienceClaim: 'sub' }));
    expect(other).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['issuer.audience_claim'] });
    const back = await update(created.name, 'audienceClaim,requiredClaims', {});
    expect(back).toMatchObject({ audienceClaim: 'aud', requiredClaims: {} });
  });

  it('must not have wildcards as audiences, but one of an earlier version can still be disabled', async () => {
    for (const audience of ['*', 'https://*.example.com', 'api*']) {
      const failure = await expectFailure(create({ audiences: ['api', audience] }));
      expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['issuer.audiences[1]'] });
    }
    const created = await create();
    await node.database.em.execute(`update issuer set audiences = '["*"]' where id = ?`, [
      created.name.slice('issuers/'.length),
    ]);
    expect(await update(created.name, 'disabled', { disabled: true })).toMatchObject({ audiences: ['*'] });
  });
});

describe('an update of an issuer', () => {
  it('changes only the fields that its mask names', async () => {
    const created = await create({ displayName: 'before', claims: Claims.create({ plan: 'tier' }) });
    const changed = await update(created.name, 'audiences,catalog_accounts', {
      audiences: ['web'],
      catalogAccounts: true,
      displayName: 'x',
      defaultPlan: 'no',
    });
    expect(changed).toEqual({
      ...created,
      audiences: ['web'],
      catalogAccounts: true,
      etag: changed.etag,
      updateTime: changed.updateTime,
    });
    expect(changed.etag).not.toBe(created.etag);
    expect(trusted(created.name)?.audiences).toEqual(['web']);
  });

  it('can move the keys by naming one field or both, and is validated as a whole', async () => {
    const created = await create();
    const jwksUri = 'https://login.example.com/keys';
    const both = { jwks: created.jwks, jwksUri };
    const failure = await expectFailure(update(created.name, 'jwks,jwksUri', both));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['issuer.jwks_uri'] });
    expect(await update(created.name, 'jwks,jwksUri', { jwksUri })).toMatchObject({ jwks: undefined, jwksUri });
    expect(await update(created.name, 'jwks', both)).toMatchObject({ jwks: created.jwks, jwksUri: '' });
    expect(await update(created.name, 'jwksUri', both)).toMatchObject({ jwks: undefined, jwksUri });
    // To clear one place is not to choose the other.
    expect(await update(created.name, 'jwks', {})).toMatchObject({ jwks: undefined, jwksUri });
    expect(trusted(created.name)?.keys).toEqual({ kind: 'jwks_uri', uri: jwksUri });
  });

  it('ends the trust at once by disabling it, and can restore the trust', async () => {
    const created = await create();
    await update(created.name, 'disabled', { disabled: true });
    expect(trusted(created.name)).toBeUndefined();
    await update(created.name, 'disabled', {});
    expect(trusted(created.name)).toBeDefined();
  });

  it('changes nothing if its etag is not the current one', async () => {
    const created = await create();
    await update(created.name, 'displayName', { displayName: 'one', etag: created.etag });
    const failure = await expectFailure(
      update(created.name, 'displayName', { displayName: 'two', etag: created.etag }),
    );
    expect(failure).toMatchObject({ code: status.ABORTED, reason: 'ETAG_MISMATCH' });
  });

  it('cannot set the iss claim of another issuer', async () => {
    const [created, other] = [await create(), await create()];
    const failure = await expectFailure(update(created.name, 'issuer', { issuer: other.issuer }));
    expect(failure).toMatchObject({ code: status.ALREADY_EXISTS, message: expect.stringContaining(other.name) });
  });
});

describe('an existing issuer', () => {
  it('is not trusted any more after its deletion', async () => {
    const created = await create();
    await issuers.deleteIssuer({ name: created.name }, admin);
    expect(trusted(created.name)).toBeUndefined();
    expect(await expectFailure(issuers.getIssuer({ name: created.name }, admin))).toMatchObject({
      code: status.NOT_FOUND,
    });
    expect(await expectFailure(issuers.deleteIssuer({ name: created.name }, admin))).toMatchObject({
      code: status.NOT_FOUND,
    });
  });

  it('is not updated by a request that names and sets no field', async () => {
    const { name } = await create({ disabled: true });
    const failure = await expectFailure(update(name, '', { disabled: false }));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['update_mask'] });
    expect(await update(name, 'disabled', { disabled: false })).toMatchObject({ disabled: false });
  });

  it('prevents the deletion of its default plan', async () => {
    const planId = `p-${randomUUID()}`;
    const limits = [Limit.create({ name: 'minute', requests: 5, window: '60s' })];
    const { name: plan } = await plans.createPlan({ planId, plan: Plan.create({ limits }) }, admin);
    const { name } = await create({ defaultPlan: plan });
    const failure = await expectFailure(plans.deletePlan({ name: plan }, admin));
    expect(failure).toMatchObject({ code: status.FAILED_PRECONDITION, reason: 'PLAN_IN_USE' });
    await update(name, 'defaultPlan', {});
    await plans.deletePlan({ name: plan }, admin);
  });

  it('is accessible only to administrators', async () => {
    const { name } = await create();
    for (const call of [
      () => issuers.createIssuer({ issuerId: 'mine', issuer: newIssuer() }, user),
      () => issuers.getIssuer({ name }, user),
      () => issuers.listIssuers({}, user),
      () => issuers.updateIssuer({ issuer: Issuer.create({ name, disabled: true }) }, user),
      () => issuers.deleteIssuer({ name }, user),
      () => issuers.testIssuer({ name }, user),
    ]) {
      expect(await expectFailure(call())).toMatchObject({
        code: status.PERMISSION_DENIED,
        reason: 'NOT_ADMINISTRATOR',
      });
    }
  });
});

describe('an issuer whose keys Weir fetches', () => {
  let provider: IdentityProvider;
  beforeEach(async () => {
    provider = await IdentityProvider.start();
  });
  afterEach(() => provider.stop());

  it('is tested step by step, at the time of the call', async () => {
    const key = await makeTokenKey('ES256', 'key-1');
    provider.keys = [key.publicJwk];
    const created = await create({ issuer: provider.issuer, jwks: undefined });
    expect(created.warnings).toEqual([]);
    const token = await signToken(key, { iss: provider.issuer });
    const { name } = created;
    expect(await issuers.testIssuer({ name, token }, admin)).toMatchObject({
      steps: [
        { step: Step.DISCOVERY, ok: true, message: `jwks_uri: found ${provider.jwksUri}` },
        { step: Step.KEYS, ok: true },
        { step: Step.TOKEN, ok: true, message: expect.stringContaining(`valid: account ${name.slice(8)}:ann`) },
      ],
    });
    expect(await issuers.testIssuer({ name }, admin)).toMatchObject({ steps: [{ ok: true }, { ok: true }] });
    provider.claimedIssuer = `${provider.issuer}/`;
    const failed = await issuers.testIssuer({ name, token }, admin);
    expect(failed.steps.map(({ step, ok }) => [step, ok])).toEqual([
      [Step.DISCOVERY, false],
      [Step.KEYS, false],
      [Step.TOKEN, false],
    ]);
    expect(failed.steps[0]?.message).toContain(`issuer: expected ${provider.issuer}, found ${provider.issuer}/`);
    expect(JSON.stringify(failed)).not.toContain(token.slice(-20));
    const nobody = await expectFailure(issuers.testIssuer({ name: 'issuers/nobody' }, admin));
    expect(nobody).toMatchObject({ code: status.NOT_FOUND });
  });

  it('is stored with a warning if its keys cannot be fetched, and the warning is not stored', async () => {
    provider.fault = 'error';
    const created = await create({ jwks: undefined, jwksUri: provider.jwksUri });
    expect(created.warnings).toEqual([`keys: ${provider.jwksUri}: must respond with status 200 (got 500)`]);
    expect(await issuers.getIssuer({ name: created.name }, admin)).toEqual({ ...created, warnings: [] });
    const renamed = await update(created.name, 'displayName', { displayName: 'x' });
    expect(renamed.warnings).toEqual([]);
    provider.fault = 'silent';
    const silent = await update(created.name, 'jwksUri', { jwksUri: `${provider.jwksUri}?a` });
    expect(silent.warnings).toHaveLength(1);
    provider.fault = 'none';
    provider.keys = [publicJwk];
    const fixed = await update(created.name, 'jwksUri', { jwksUri: provider.jwksUri });
    expect(fixed.warnings).toEqual([]);
  });

  it('is logged with the names that differ if its configuration names another issuer', async () => {
    const key = await makeTokenKey('ES256');
    provider.keys = [key.publicJwk];
    provider.claimedIssuer = `${provider.issuer}/`;
    const { name } = await create({ issuer: provider.issuer, jwks: undefined });
    const authorization = `Bearer ${await signToken(key, { iss: provider.issuer })}`;
    expect(await expectFailure(issuers.getIssuer({ name }, { authorization }))).toMatchObject({
      code: status.UNAVAILABLE,
    });
    const problem = `issuer: expected ${provider.issuer}, found ${provider.issuer}/`;
    expect(node.lines).toContainEqual({
      fields: { issuer: name.slice('issuers/'.length), problem: expect.stringContaining(problem) },
      message: 'could not fetch the keys of an issuer',
    });
  });
});

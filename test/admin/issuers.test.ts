import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AccountEntity } from '../../src/database/entities.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { Claims, Issuer, IssuerServiceService } from '../../src/generated/weir/admin/v1/issuer_service.ts';
import { Plan, PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import { hashPassword } from '../../src/identity/secrets/password.ts';
import { newDatabase } from '../support/databases.ts';
import { ADMIN, clientOf, failureOf, startAdminNode } from './admin-node.ts';

const USER = { email: 'user@example.com', password: 'another horse' };
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const publicJwk = { ...publicKey.export({ format: 'jwk' }), kid: '1' };

let node: Awaited<ReturnType<typeof startAdminNode>>;
let issuers: ReturnType<typeof clientOf<typeof IssuerServiceService>>;
let plans: ReturnType<typeof clientOf<typeof PlanServiceService>>;
let admin: { authorization: string };
let user: { authorization: string };

beforeAll(async () => {
  node = await startAdminNode(await newDatabase());
  issuers = clientOf(IssuerServiceService, node.address);
  plans = clientOf(PlanServiceService, node.address);
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
  for (const client of [issuers, plans]) client.close();
  await node.stop();
});

const written = (fields: Partial<Issuer> = {}): Issuer =>
  Issuer.create({
    issuer: `https://${randomUUID()}.example.com`,
    audiences: ['api'],
    algorithms: ['ES256'],
    jwks: { keys: [publicJwk] },
    ...fields,
  });
const create = (fields: Partial<Issuer> = {}, issuerId = `i-${randomUUID()}`) =>
  issuers.createIssuer({ issuerId, issuer: written(fields) }, admin);
const update = (name: string, updateMask: string, fields: Partial<Issuer>) =>
  issuers.updateIssuer({ issuer: Issuer.create({ name, ...fields }), updateMask }, admin);
const known = (name: string) => node.catalog.trust.issuers.find(({ id }) => `issuers/${id}` === name);

describe('an issuer', () => {
  test('is made, got and listed, and trusted at once', async () => {
    const claims = Claims.create({
      account: 'email',
      plan: 'tier',
      features: 'scope',
      role: 'realm.roles',
      adminRoles: ['root'],
    });
    const made = await create({ displayName: 'A partner', claims, defaultPlan: 'plans/pro', catalogAccounts: true });
    expect(made).toMatchObject({
      displayName: 'A partner',
      claims,
      defaultPlan: 'plans/pro',
      jwks: { keys: [publicJwk] },
    });
    expect(await issuers.getIssuer({ name: made.name }, admin)).toEqual(made);
    expect((await issuers.listIssuers({ pageSize: 1000 }, admin)).issuers).toContainEqual(made);
    expect(known(made.name)).toMatchObject({
      issuer: made.issuer,
      keys: { kind: 'static', jwks: { keys: [publicJwk] } },
      claims: { account: 'email', role: 'realm.roles', adminRoles: ['root'] },
      defaultPlanId: 'pro',
      catalogAccounts: true,
    });
  });

  test('has its keys at a URL, or where its discovery tells', async () => {
    const jwksUri = 'https://login.example.com/keys';
    expect(known((await create({ jwks: undefined, jwksUri })).name)?.keys).toEqual({ kind: 'jwks_uri', uri: jwksUri });
    expect(known((await create({ jwks: undefined })).name)?.keys).toEqual({ kind: 'discovery' });
  });

  test('is listed in pages', async () => {
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

  test('with faults is refused, and each is named', async () => {
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
    const failure = await failureOf(create(wrong, 'No!'));
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

  test('names a plan that exists', async () => {
    const failure = await failureOf(create({ defaultPlan: 'plans/nowhere' }));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['issuer.default_plan'] });
  });

  test('is the only one of its id, and of its claim iss', async () => {
    const made = await create();
    const sameId = await failureOf(create({}, made.name.slice('issuers/'.length)));
    expect(sameId).toMatchObject({ code: status.ALREADY_EXISTS, message: expect.stringContaining(made.name) });
    const sameIssuer = await failureOf(create({ issuer: made.issuer }));
    expect(sameIssuer).toMatchObject({ code: status.ALREADY_EXISTS, message: expect.stringContaining(made.name) });
  });
});

describe('an update', () => {
  test('changes what its mask names and leaves the rest', async () => {
    const made = await create({ displayName: 'before', claims: Claims.create({ plan: 'tier' }) });
    const changed = await update(made.name, 'audiences,catalog_accounts', {
      audiences: ['web'],
      catalogAccounts: true,
      displayName: 'x',
      defaultPlan: 'no',
    });
    expect(changed).toEqual({
      ...made,
      audiences: ['web'],
      catalogAccounts: true,
      etag: changed.etag,
      updateTime: changed.updateTime,
    });
    expect(changed.etag).not.toBe(made.etag);
    expect(known(made.name)?.audiences).toEqual(['web']);
  });

  test('may change where its keys are, and is judged as a whole', async () => {
    const made = await create();
    const jwksUri = 'https://login.example.com/keys';
    const failure = await failureOf(update(made.name, 'jwksUri', { jwksUri }));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['issuer.jwks_uri'] });
    expect(await update(made.name, 'jwks,jwksUri', { jwksUri })).toMatchObject({ jwks: undefined, jwksUri });
    expect(known(made.name)?.keys).toEqual({ kind: 'jwks_uri', uri: jwksUri });
  });

  test('that disables it ends its trust at once, and may be taken back', async () => {
    const made = await create();
    await update(made.name, 'disabled', { disabled: true });
    expect(known(made.name)).toBeUndefined();
    await update(made.name, 'disabled', {});
    expect(known(made.name)).toBeDefined();
  });

  test('with another etag than the current one changes nothing', async () => {
    const made = await create();
    await update(made.name, 'displayName', { displayName: 'one', etag: made.etag });
    const failure = await failureOf(update(made.name, 'displayName', { displayName: 'two', etag: made.etag }));
    expect(failure).toMatchObject({ code: status.ABORTED, reason: 'ETAG_MISMATCH' });
  });

  test('cannot make it the issuer that another is', async () => {
    const [made, other] = [await create(), await create()];
    const failure = await failureOf(update(made.name, 'issuer', { issuer: other.issuer }));
    expect(failure).toMatchObject({ code: status.ALREADY_EXISTS, message: expect.stringContaining(other.name) });
  });
});

test('an issuer that is deleted is trusted no more', async () => {
  const made = await create();
  await issuers.deleteIssuer({ name: made.name }, admin);
  expect(known(made.name)).toBeUndefined();
  expect(await failureOf(issuers.getIssuer({ name: made.name }, admin))).toMatchObject({ code: status.NOT_FOUND });
  expect(await failureOf(issuers.deleteIssuer({ name: made.name }, admin))).toMatchObject({ code: status.NOT_FOUND });
});

test('a plan that is the default of an issuer is not deleted', async () => {
  const planId = `p-${randomUUID()}`;
  const { name: plan } = await plans.createPlan({ planId, plan: Plan.create() }, admin);
  const { name } = await create({ defaultPlan: plan });
  const failure = await failureOf(plans.deletePlan({ name: plan }, admin));
  expect(failure).toMatchObject({ code: status.FAILED_PRECONDITION, reason: 'PLAN_IN_USE' });
  await update(name, 'defaultPlan', {});
  await plans.deletePlan({ name: plan }, admin);
});

test('who is no administrator may do nothing with issuers', async () => {
  const { name } = await create();
  for (const call of [
    () => issuers.createIssuer({ issuerId: 'mine', issuer: written() }, user),
    () => issuers.getIssuer({ name }, user),
    () => issuers.listIssuers({}, user),
    () => issuers.updateIssuer({ issuer: Issuer.create({ name, disabled: true }) }, user),
    () => issuers.deleteIssuer({ name }, user),
  ]) {
    expect(await failureOf(call())).toMatchObject({ code: status.PERMISSION_DENIED, reason: 'NOT_ADMINISTRATOR' });
  }
});

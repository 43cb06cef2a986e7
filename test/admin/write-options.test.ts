import { randomUUID } from 'node:crypto';
import { createFileRegistry, fromBinary, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { READ_ONLY_METHODS } from '../../src/admin/methods/read-only-methods.ts';
import { DESCRIPTORS } from '../../src/generated/descriptors.ts';
import { AccountServiceService } from '../../src/generated/weir/admin/v1/account_service.ts';
import { ApiKeyServiceService } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { CounterServiceService } from '../../src/generated/weir/admin/v1/counter_service.ts';
import { DeviceServiceService } from '../../src/generated/weir/admin/v1/device_service.ts';
import { IssuerServiceService } from '../../src/generated/weir/admin/v1/issuer_service.ts';
import { PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import { SessionServiceService } from '../../src/generated/weir/admin/v1/session_service.ts';
import { SigningKeyServiceService } from '../../src/generated/weir/admin/v1/signing_key_service.ts';
import { TokenServiceService } from '../../src/generated/weir/admin/v1/token_service.ts';
import { WebhookServiceService } from '../../src/generated/weir/admin/v1/webhook_service.ts';
import { newDatabase } from '../support/databases.ts';
import { ADMIN, createClient, expectFailure, startAdminNode } from './admin-node.ts';

/** Writes without the options: they are about sessions and passwords, an emergency brake, or change nothing in Weir. */
const WITHOUT_OPTIONS =
  /^(?:AuthService\/(?!UpdateProfile$)|TokenInfoService\/DisableToken$|IssuerService\/TestIssuer$)/;
const HAS_REQUEST_ID = /\/(?:Create(?!PasswordReset|EmailVerification)|BatchCreate|Import|Rotate|Issue)/;

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTORS, 'base64')));
const WRITES = [...registry]
  .flatMap((type) => (type.kind === 'service' && type.typeName.startsWith('weir.admin.v1.') ? type.methods : []))
  .filter((method) => !READ_ONLY_METHODS.has(`/${method.parent.typeName}/${method.name}`))
  .map((method) => ({
    path: `${method.parent.name}/${method.name}`,
    fields: method.input.fields.map(({ name }) => name),
  }))
  .filter(({ path }) => !WITHOUT_OPTIONS.test(path));

describe('the request of each write', () => {
  it.each(WRITES)('has validate_only, and request_id if it creates something: $path', ({ path, fields }) => {
    expect(fields).toContain('validate_only');
    if (HAS_REQUEST_ID.test(path)) expect(fields).toContain('request_id');
  });
});

type AnyClient = Record<
  string,
  (request: unknown, headers: Record<string, string>) => Promise<Record<string, unknown>>
>;

type AnyDefinition = Record<string, { requestDeserialize(bytes: Buffer): unknown }>;

let node: Awaited<ReturnType<typeof startAdminNode>>;
const services = new Map<string, { readonly client: AnyClient; readonly definition: AnyDefinition }>();
let administrator: { authorization: string };
let other: { authorization: string };
let names: { key: string; scheduledKey: string; account: string; device: string; webhook: string; session: string };
const OTHER = { email: 'other@example.com', password: 'the password of another' };

beforeAll(async () => {
  node = await startAdminNode(await newDatabase());
  const open = <Service extends object>(name: string, service: Service) => {
    const client = createClient(service, node.address);
    // The tests choose methods by name.
    services.set(name, { client: client as unknown as AnyClient, definition: service as unknown as AnyDefinition });
    return client;
  };
  const auth = open('AuthService', AuthServiceService);
  open('AccountService', AccountServiceService);
  open('ApiKeyService', ApiKeyServiceService);
  open('DeviceService', DeviceServiceService);
  open('PlanService', PlanServiceService);
  open('IssuerService', IssuerServiceService);
  open('CounterService', CounterServiceService);
  open('SessionService', SessionServiceService);
  open('SigningKeyService', SigningKeyServiceService);
  open('TokenService', TokenServiceService);
  open('WebhookService', WebhookServiceService);
  administrator = { authorization: `Bearer ${(await auth.login(ADMIN)).accessToken}` };
  const limits = [{ name: 'credits', algorithm: 'credits', requests: 5 }];
  for (const planId of ['team', 'unused'])
    await call('PlanService/CreatePlan', { planId, plan: { displayName: planId, limits } });
  const { email, password } = OTHER;
  await call('AccountService/CreateAccount', {
    accountId: 'other',
    account: { email, role: 'admin', plan: 'plans/team' },
    password,
  });
  other = { authorization: `Bearer ${(await auth.login(OTHER)).accessToken}` };
  const account = await call('AccountService/CreateAccount', {
    account: { email: 'a@example.com', plan: 'plans/team' },
  });
  const parent = String(account.name);
  const key = await call('ApiKeyService/CreateApiKey', { apiKey: { displayName: 'key', plan: 'plans/team' } });
  const scheduled = await call('ApiKeyService/CreateApiKey', { apiKey: { displayName: 'scheduled' } });
  const scheduledKey = (scheduled.apiKey as { name: string }).name;
  for (const [path, name] of [
    ['AccountService/ChangePlan', 'accounts/other'],
    ['ApiKeyService/ChangePlan', scheduledKey],
  ] as const) {
    await call(path, { name, plan: 'plans/team', effective: 'PERIOD_END' });
  }
  const device = await call('DeviceService/CreateDevice', { parent, headerValue: 'a phone' });
  await call('IssuerService/CreateIssuer', { issuerId: 'known', issuer: ISSUER });
  const { webhook } = await call('WebhookService/CreateWebhook', { webhook: WEBHOOK });
  const { sessions } = await call('SessionService/ListSessions', { parent: 'accounts/other' });
  const [session] = sessions as { name: string }[];
  names = {
    key: (key.apiKey as { name: string }).name,
    scheduledKey,
    account: parent,
    device: String(device.name),
    webhook: (webhook as { name: string }).name,
    session: session?.name ?? '',
  };
});
afterAll(() => node.stop());

const ISSUER = {
  issuer: 'https://issuer.example',
  audiences: ['weir'],
  algorithms: ['RS256'],
  jwksUri: 'https://issuer.example/keys',
};
const WEBHOOK = { url: 'https://example.com/', eventTypes: ['webhook.disabled'] };
const LIMITS = [{ name: 'minute', requests: 5, window: '60s' }];

/** A valid request of each write. */
const REQUESTS: Readonly<Record<string, () => Record<string, JsonValue>>> = {
  'AccountService/CreateAccount': () => ({ account: { email: `${randomUUID()}@example.com`, plan: 'plans/team' } }),
  'AccountService/UpdateAccount': () => ({
    account: { name: names.account, displayName: 'new' },
    updateMask: 'displayName',
  }),
  'AccountService/DeleteAccount': () => ({ name: names.account }),
  'AccountService/BlockAccount': () => ({ name: names.account, duration: '1h', reason: 'a test' }),
  'AccountService/ChangePlan': () => ({ name: names.account, plan: 'plans/unused', effective: 'PERIOD_END' }),
  'AccountService/CancelPlanChange': () => ({ name: 'accounts/other' }),
  'AccountService/CreatePasswordReset': () => ({ name: names.account }),
  'AccountService/CreateEmailVerification': () => ({ name: names.account }),
  'AuthService/UpdateProfile': () => ({ account: { displayName: 'new' }, updateMask: 'displayName' }),
  'AccountService/UnblockAccount': () => ({ name: names.account }),
  'ApiKeyService/CreateApiKey': () => ({ apiKey: { displayName: 'new', plan: 'plans/team' } }),
  'ApiKeyService/BatchCreateApiKeys': () => ({ requests: [{ apiKey: { displayName: 'new', plan: 'plans/team' } }] }),
  'ApiKeyService/ImportApiKeys': () => ({
    apiKeys: [{ secret: randomUUID(), displayName: 'imported', plan: 'plans/team' }],
  }),
  'ApiKeyService/UpdateApiKey': () => ({ apiKey: { name: names.key, disabled: true }, updateMask: 'disabled' }),
  'ApiKeyService/RotateApiKey': () => ({ name: names.key, overlap: '1h' }),
  'ApiKeyService/DeleteApiKey': () => ({ name: names.key }),
  'ApiKeyService/ChangePlan': () => ({ name: names.key, plan: 'plans/unused', counters: 'RESET' }),
  'ApiKeyService/CancelPlanChange': () => ({ name: names.scheduledKey }),
  'CounterService/AddCredits': () => ({ subject: { apiKey: names.key }, credits: 5 }),
  'CounterService/ResetCounter': () => ({ subject: { apiKey: names.key } }),
  'CounterService/BlockCounter': () => ({ subject: { apiKey: names.key }, duration: '1h' }),
  'CounterService/UnblockCounter': () => ({ subject: { apiKey: names.key } }),
  'DeviceService/CreateDevice': () => ({ parent: names.account, headerValue: `phone ${randomUUID()}` }),
  'DeviceService/UpdateDevice': () => ({
    device: { name: names.device, displayName: 'new' },
    updateMask: 'displayName',
  }),
  'DeviceService/DeleteDevice': () => ({ name: names.device }),
  'IssuerService/CreateIssuer': () => ({
    issuerId: `i${randomUUID().slice(0, 8)}`,
    issuer: { ...ISSUER, issuer: `https://${randomUUID()}.example` },
  }),
  'IssuerService/UpdateIssuer': () => ({
    issuer: { name: 'issuers/known', audiences: ['other'] },
    updateMask: 'audiences',
  }),
  'IssuerService/DeleteIssuer': () => ({ name: 'issuers/known' }),
  'PlanService/CreatePlan': () => ({
    planId: `p${randomUUID().slice(0, 8)}`,
    plan: { displayName: 'New', limits: LIMITS },
  }),
  'PlanService/UpdatePlan': () => ({ plan: { name: 'plans/team', displayName: 'new' }, updateMask: 'displayName' }),
  'PlanService/DeletePlan': () => ({ name: 'plans/unused' }),
  'SessionService/DeleteSession': () => ({ name: names.session }),
  'SigningKeyService/RotateSigningKey': () => ({}),
  'SigningKeyService/DeleteSigningKey': () => ({ name: 'signingKeys/none' }),
  'TokenService/IssueToken': () => ({ account: 'acme', plan: 'plans/team', ttl: '1h', role: 'admin' }),
  'TokenService/RevokeToken': () => ({ tokenId: 'none', expireTime: new Date(Date.now() + 3_600_000).toISOString() }),
  'TokenService/RevokeTokens': () => ({ account: names.account }),
  'WebhookService/CreateWebhook': () => ({ webhook: WEBHOOK }),
  'WebhookService/UpdateWebhook': () => ({
    webhook: { name: names.webhook, displayName: 'new' },
    updateMask: 'displayName',
  }),
  'WebhookService/DeleteWebhook': () => ({ name: names.webhook }),
  'WebhookService/RotateWebhookSecret': () => ({ name: names.webhook }),
  'WebhookService/SendTestEvent': () => ({ name: names.webhook }),
};

/** Calls a method with a request in JSON. */
function call(path: string, json: JsonValue, headers: Record<string, string> = administrator) {
  const [serviceName = '', name = ''] = path.split('/');
  const service = services.get(serviceName);
  const method = `${name[0]?.toLowerCase()}${name.slice(1)}`;
  const input = registry.getService(`weir.admin.v1.${serviceName}`)?.methods.find((each) => each.name === name)?.input;
  if (service === undefined || input === undefined) throw new Error(`${path}: there is no client`);
  const bytes = Buffer.from(toBinary(input, fromJson(input, json)));
  const run = service.client[method];
  const request = service.definition[method]?.requestDeserialize(bytes);
  if (run === undefined) throw new Error(`${path}: there is no method`);
  return run(request, headers);
}

/** Tables that a loop of the node fills some time after a call. */
const WRITTEN_LATER = new Set(['counter_checkpoint']);

/** All rows of all tables that calls write to, as text. */
async function readDatabase(): Promise<object> {
  const em = node.database.em.fork();
  const tables = await em.execute(
    `select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`,
  );
  const contents: Record<string, unknown> = {};
  for (const { name } of tables) {
    if (WRITTEN_LATER.has(name)) continue;
    const [row] = await em.execute(`select array_agg(t::text order by t::text) as rows from "${name}" t`);
    contents[name] = row?.rows;
  }
  return contents;
}

describe('validate_only', () => {
  it.each(WRITES.filter(({ path }) => path !== 'SigningKeyService/DeleteSigningKey'))(
    'checks and answers, and changes nothing: $path',
    async ({ path }) => {
      const request = REQUESTS[path];
      if (request === undefined) throw new Error(`${path}: add a request to the table`);
      const before = await readDatabase();
      const answer = await call(path, { ...request(), validateOnly: true });
      expect(await readDatabase()).toEqual(before);
      const { secret = '', token = '', tokenId = '', apiKeys = [{}] } = answer as Record<string, string & object[]>;
      expect([secret, token, tokenId]).toEqual(['', '', '']);
      for (const item of apiKeys) expect(item).toMatchObject(path.includes('Batch') ? { secret: '' } : {});
    },
  );

  it('fails as the request would', async () => {
    const failure = await expectFailure(
      call('PlanService/CreatePlan', {
        planId: 'team',
        plan: { displayName: 'x', limits: LIMITS },
        validateOnly: true,
      }),
    );
    expect(failure.code).toBe(status.ALREADY_EXISTS);
    const inUse = await expectFailure(call('PlanService/DeletePlan', { name: 'plans/team', validateOnly: true }));
    expect(inUse.reason).toBe('PLAN_IN_USE');
  });
});

describe('request_id', () => {
  const creating = WRITES.filter(({ path }) => HAS_REQUEST_ID.test(path));

  it.each(creating)(
    'makes one of two requests at once, and answers the second without secrets: $path',
    async ({ path }) => {
      const request = { ...REQUESTS[path]?.(), requestId: randomUUID() };
      const before = await countRows();
      const [first, second] = await Promise.all([call(path, request), call(path, request)]);
      const made = await countRows();
      const third = await call(path, request);
      expect(await countRows()).toEqual(made);
      expect(made.answered_request).toBe((before.answered_request ?? 0) + 1);
      const [withSecret, without] = hasSecret(second) ? [second, first] : [first, second];
      expect(third).toEqual(without);
      expect(hasSecret(third)).toBe(false);
      expect(withoutSecret(withSecret)).toEqual(withoutSecret(third));
    },
  );

  it('is INVALID_ARGUMENT with another body, with another method, or in another form', async () => {
    const requestId = randomUUID();
    const body = REQUESTS['ApiKeyService/CreateApiKey']?.() ?? {};
    await call('ApiKeyService/CreateApiKey', { ...body, requestId });
    const failures = [
      call('ApiKeyService/CreateApiKey', { apiKey: { displayName: 'other', plan: 'plans/team' }, requestId }),
      call('PlanService/CreatePlan', { ...REQUESTS['PlanService/CreatePlan']?.(), requestId }),
      call('ApiKeyService/CreateApiKey', { ...body, requestId: 'with a space' }),
      call('ApiKeyService/CreateApiKey', { ...body, requestId: 'x'.repeat(65) }),
    ];
    for (const failure of await Promise.all(failures.map(expectFailure))) {
      expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['request_id'] });
    }
  });

  it('belongs to its caller, and to a request that succeeded', async () => {
    const requestId = randomUUID();
    const request = { planId: `p${requestId.slice(0, 8)}`, plan: { displayName: 'New', limits: LIMITS }, requestId };
    await expectFailure(call('PlanService/CreatePlan', { ...request, planId: 'team' }));
    const created = await call('PlanService/CreatePlan', request);
    expect(created.name).toBe(`plans/${request.planId}`);
    expect((await expectFailure(call('PlanService/CreatePlan', request, other))).code).toBe(status.ALREADY_EXISTS);
  });

  it('can be used again after 24 hours', async () => {
    const requestId = randomUUID();
    const request = { ...REQUESTS['ApiKeyService/CreateApiKey']?.(), requestId };
    const first = await call('ApiKeyService/CreateApiKey', request);
    await node.database.em
      .fork()
      .execute(`update answered_request set create_time = now() - interval '25 hours' where request_id = ?`, [
        requestId,
      ]);
    const second = await call('ApiKeyService/CreateApiKey', request);
    expect(second.secret).not.toBe('');
    expect(second.secret).not.toBe(first.secret);
  });
});

async function countRows(): Promise<Record<string, number>> {
  // Events of refused calls are written some time after the call.
  const tables = Object.entries(await readDatabase()).filter(([name]) => !name.startsWith('audit_event'));
  return Object.fromEntries(tables.map(([name, rows]) => [name, rows?.length ?? 0]));
}

function hasSecret(answer: object): boolean {
  return /"(?:secret|token)":"[^"]/.test(JSON.stringify(answer));
}

function withoutSecret(answer: object): unknown {
  return JSON.parse(JSON.stringify(answer).replaceAll(/"(secret|token)":"[^"]*"/g, '"$1":""'));
}

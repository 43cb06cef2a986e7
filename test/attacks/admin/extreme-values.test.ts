import {
  create,
  createFileRegistry,
  type DescMethod,
  fromBinary,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Message,
  toBinary,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import { expect } from 'vitest';
import { DESCRIPTORS } from '../../../src/generated/descriptors.ts';
import { AccountServiceService, CreateAccountRequest } from '../../../src/generated/weir/admin/v1/account_service.ts';
import { CreateDeviceRequest, DeviceServiceService } from '../../../src/generated/weir/admin/v1/device_service.ts';
import { CreateIssuerRequest, IssuerServiceService } from '../../../src/generated/weir/admin/v1/issuer_service.ts';
import { Limit } from '../../../src/generated/weir/admin/v1/limit.ts';
import {
  QueryUsageRequest,
  QueryUsageRequest_Step,
  UsageServiceService,
} from '../../../src/generated/weir/admin/v1/usage_service.ts';
import { CreateWebhookRequest, WebhookServiceService } from '../../../src/generated/weir/admin/v1/webhook_service.ts';
import type { Logger } from '../../../src/interfaces/logger.ts';
import { isWholeRun } from '../../support/attempts.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import { TestNode } from '../../support/node.ts';
import { makeTokenKey } from '../../support/servers/identity-provider.ts';
import { extremeMessages, MARKER } from './extreme-messages.ts';

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTORS, 'base64')));
const METHODS = [...registry]
  .flatMap((type) => (type.kind === 'service' && type.file.proto.package === 'weir.admin.v1' ? type.methods : []))
  .map((method) => ({ path: `/${method.parent.typeName}/${method.name}`, method }));
const CALLS_AT_ONCE = 8;

const LIMIT = { name: 'burst', requests: 5, window: '60s' };
const KEY = JSON.parse(JSON.stringify((await makeTokenKey('ES256')).publicJwk)) as JsonObject;
const ISSUER = {
  issuer: 'https://login.example.com',
  audiences: ['api'],
  algorithms: ['ES256'],
  jwks: { keys: [KEY] },
};
const CREDITS = { name: 'credits', requests: 5, algorithm: 'credits' };
const WEBHOOK = { displayName: 'x', url: 'https://hooks.example.com/', eventTypes: ['*'], disabled: true };
const SUBJECT = { descriptor: { domain: 'd', entries: [{ key: 'k' }] } };

/** Resource names that exist. */
interface Names {
  readonly apiKey: string;
  readonly changedApiKey: string;
  readonly device: string;
  readonly webhook: string;
}

/** A request that each method accepts, into which the extreme values go. Methods that end sessions get invalid ones. */
function validRequests({ apiKey, changedApiKey, device, webhook }: Names): Readonly<Record<string, JsonValue>> {
  const account = 'accounts/holder';
  const changePlan = { plan: 'plans/team', effective: 'NOW', counters: 'KEEP' };
  const [startTime, endTime] = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'];
  return {
    'AccountService/CreateAccount': { account: { email: 'x@example.com', displayName: 'x', plan: 'plans/team' } },
    'AccountService/UpdateAccount': { account: { name: account, displayName: 'x' } },
    'AccountService/BlockAccount': { name: account, duration: '1s', reason: 'x' },
    'AccountService/CreatePasswordReset': { name: account, ttl: '1h' },
    'AccountService/ChangePlan': { name: account, ...changePlan },
    'AccountService/PreviewPlanChange': { name: account, ...changePlan },
    'ApiKeyService/CreateApiKey': { apiKey: { displayName: 'x', plan: 'plans/team', limits: [LIMIT] } },
    'ApiKeyService/BatchCreateApiKeys': { requests: [{ apiKey: { displayName: 'x', plan: 'plans/team' } }] },
    'ApiKeyService/ImportApiKeys': { apiKeys: [{ secret: 'a secret from elsewhere', displayName: 'x' }] },
    'ApiKeyService/UpdateApiKey': { apiKey: { name: changedApiKey, displayName: 'x' } },
    'ApiKeyService/RotateApiKey': { name: apiKey, overlap: '1h', validateOnly: true },
    'ApiKeyService/ChangePlan': { name: apiKey, ...changePlan },
    'ApiKeyService/PreviewPlanChange': { name: apiKey, ...changePlan },
    'AuthService/UpdateProfile': { account: { displayName: 'x' } },
    'CounterService/GetCounter': { subject: SUBJECT },
    'CounterService/AddCredits': { subject: { apiKey }, limit: 'credits', credits: 1 },
    'CounterService/ResetCounter': { subject: SUBJECT },
    'CounterService/BlockCounter': { subject: SUBJECT, duration: '1s' },
    'CounterService/UnblockCounter': { subject: SUBJECT },
    'DeviceService/CreateDevice': { parent: account, headerValue: 'x', device: { displayName: 'x' } },
    'DeviceService/ListDevices': { parent: account },
    'DeviceService/UpdateDevice': { device: { name: device, displayName: 'x' } },
    'ExplainService/Explain': { rateLimit: { domain: 'd', descriptors: [{ entries: [{ key: 'k' }] }] } },
    'IssuerService/CreateIssuer': { issuerId: 'extreme', issuer: ISSUER },
    'IssuerService/UpdateIssuer': { issuer: { name: 'issuers/known', displayName: 'x' } },
    'IssuerService/TestIssuer': { name: 'issuers/known' },
    'PlanService/CreatePlan': { planId: 'extreme', plan: { displayName: 'x', limits: [LIMIT] } },
    'PlanService/UpdatePlan': { plan: { name: 'plans/team', displayName: 'x' } },
    'PlanService/PreviewPlan': { plan: { name: 'plans/team', limits: [LIMIT] }, updateMask: 'limits' },
    'RequestLogService/ListRequestLogs': { parent: 'accounts/-' },
    'SessionService/ListSessions': { parent: account },
    'TokenService/IssueToken': { account: 'acme', plan: 'plans/team', ttl: '1h', limits: [LIMIT] },
    'TokenService/RevokeToken': { tokenId: 'x' },
    'TokenService/RevokeTokens': { account: 'nobody' },
    'UsageService/GetUsage': { name: `${account}/usage` },
    'UsageService/QueryUsage': { parent: 'accounts/-', startTime, endTime, step: 'DAY', groupBy: ['ROUTE'] },
    'UsageService/ExportUsage': { period: '2026-01', parent: 'accounts/-', format: 'CSV' },
    'WebhookService/CreateWebhook': { webhook: WEBHOOK },
    'WebhookService/UpdateWebhook': { webhook: { name: webhook, ...WEBHOOK } },
    'WebhookService/RotateWebhookSecret': { name: webhook, overlap: '1h' },
    'WebhookService/ListWebhookDeliveries': { parent: webhook },
  };
}

const lines: { readonly level: string; readonly text: string }[] = [];
const keep = (level: string) => (fields: object, message: string) =>
  void lines.push({
    level,
    text: `${message} ${JSON.stringify(fields, (_, value) => (value instanceof Error ? `${value.stack} ${value.cause}` : value))}`,
  });
const log: Logger = { info: keep('info'), warn: keep('warn'), error: keep('error') };

const it = test
  .extend('logged', { scope: 'file' }, async ({ nodeEnvironment }, { onCleanup }) => {
    const node = await TestNode.start(nodeEnvironment, log);
    onCleanup(() => node.stop());
    return node;
  })
  .extend('session', { scope: 'file' }, ({ logged }) => new Session(logged))
  .extend('requests', { scope: 'file' }, async ({ logged }) => validRequests(await createResources(logged)));

async function createResources(node: TestNode): Promise<Names> {
  const admin = await node.signIn();
  await node.createPlan(admin, 'team', 100);
  const holder = {
    accountId: 'holder',
    account: { email: 'holder@example.com', displayName: 'x', plan: 'plans/team' },
  };
  await node.admin.call(AccountServiceService.createAccount, CreateAccountRequest.fromPartial(holder), admin);
  const { name: apiKey } = await node.createKey(admin, 'team', { limits: [Limit.fromPartial(CREDITS)] });
  const issuer = CreateIssuerRequest.fromPartial({
    issuerId: 'known',
    issuer: { ...ISSUER, issuer: 'https://known.example.com' },
  });
  await node.admin.call(IssuerServiceService.createIssuer, issuer, admin);
  const webhook = CreateWebhookRequest.fromPartial({ webhook: WEBHOOK });
  const created = await node.admin.call(WebhookServiceService.createWebhook, webhook, admin);
  const device = CreateDeviceRequest.fromPartial({ parent: 'accounts/holder', headerValue: 'known' });
  const { name } = await node.admin.call(DeviceServiceService.createDevice, device, admin);
  const { name: changedApiKey } = await node.createKey(admin, 'team');
  return { apiKey, changedApiKey, device: name, webhook: created.webhook?.name ?? '' };
}

/** Signs in once, and again after a method that ends the session. */
class Session {
  readonly #node: TestNode;
  #headers: Promise<Headers> | undefined;

  constructor(node: TestNode) {
    this.#node = node;
  }

  /** The headers for calls of a method. */
  headersFor(method: string): Promise<Headers> | Headers {
    if (method === 'Login') return {};
    this.#headers ??= this.#node.signIn();
    const headers = this.#headers;
    if (method === 'Logout') this.#headers = undefined;
    return headers;
  }
}

/** Calls a method with a message. Returns the code and the text of the status. */
async function call(node: TestNode, { input }: DescMethod, path: string, message: Message, headers: Headers) {
  const bytes = Buffer.from(toBinary(input, message));
  const method = { path, requestSerialize: (request: Buffer) => request, responseDeserialize: () => ({}) };
  try {
    await node.admin.call(method, bytes, headers);
    return { code: 0, details: '' };
  } catch (error) {
    return error as { code: number; details: string };
  }
}

const FAULTS: ReadonlySet<number> = new Set([status.INTERNAL, status.UNKNOWN, status.UNIMPLEMENTED]);

it.for(METHODS.map(({ path, method }) => [path, method] as const))(
  'no extreme value of a field is an internal error of %s, nor does it reach the log',
  async ([path, method], { logged: node, session, requests }) => {
    const headers = await session.headersFor(method.name);
    lines.length = 0;
    const faults: string[] = [];
    const base = requests[path.slice(path.lastIndexOf('.') + 1)] ?? {};
    const includesLists = isWholeRun || /^(?:Create|BatchCreate|Import)/.test(method.name);
    const messages = extremeMessages(method.input, base, { registry, isWhole: isWholeRun, includesLists });
    const callAll = async (): Promise<void> => {
      for (const message of messages) {
        const { code, details } = await call(node, method, path, message, headers);
        if (FAULTS.has(code) || details.length > 2_000) faults.push(describeFault(code, details, message));
      }
    };
    // All take the next message of the same generator.
    await Promise.all(Array.from({ length: CALLS_AT_ONCE }, callAll));
    const logged = lines.filter(
      ({ level, text }) => level === 'error' || (text.includes(MARKER) && !isRevocation(text)),
    );
    expect({ faults, logged }).toEqual({ faults: [], logged: [] });
  },
);

/** The log says the name of what was revoked. */
const isRevocation = (text: string) => text.startsWith('access changed');

function describeFault(code: number, details: string, message: Message): string {
  const json = JSON.stringify(message, (_, value) => (typeof value === 'bigint' ? String(value) : value));
  return `${code} ${details.slice(0, 200)} ${json.slice(0, 300)}`;
}

it('the requests that take the extreme values are valid', async ({ logged, session, requests }) => {
  const invalid: string[] = [];
  for (const { path, method } of METHODS) {
    const base = requests[path.slice(path.lastIndexOf('.') + 1)];
    if (base === undefined) continue;
    const headers = await session.headersFor(method.name);
    const { code, details } = await call(logged, method, path, fromJson(method.input, base, { registry }), headers);
    if (code === status.INVALID_ARGUMENT) invalid.push(`${path}: ${details}`);
  }
  expect(invalid).toEqual([]);
});

it('a number that Weir cannot hold is an invalid value of its field', async ({ logged, session }) => {
  const headers = await session.headersFor('CreateApiKey');
  const method = METHODS.find(({ path }) => path.endsWith('/CreateApiKey'))?.method ?? expect.fail('no such method');
  const times: [bigint, string][] = [
    [2n ** 60n, 'api_key.expire_time: must be from -9007199254740991 to 9007199254740991'],
    [2n ** 50n, 'api_key.expire_time: must be a time in the years 1 to 9999'],
  ];
  for (const [seconds, details] of times) {
    const message = create(method.input, { apiKey: { displayName: 'x', expireTime: { seconds } } });
    const path = '/weir.admin.v1.ApiKeyService/CreateApiKey';
    expect(await call(logged, method, path, message, headers)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      details,
    });
  }
});

it('usage is read up to the last time that can be expressed', async ({ logged, session }) => {
  const request = QueryUsageRequest.fromPartial({
    parent: 'accounts/-',
    startTime: new Date('9999-11-30T00:00:00Z'),
    endTime: new Date('9999-12-31T23:59:59.999Z'),
    step: QueryUsageRequest_Step.MONTH,
  });
  const headers = await session.headersFor('QueryUsage');
  expect(await logged.admin.call(UsageServiceService.queryUsage, request, headers)).toMatchObject({ rows: [] });
});

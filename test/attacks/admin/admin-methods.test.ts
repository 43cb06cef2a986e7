import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { status } from '@grpc/grpc-js';
import { describe, expect } from 'vitest';
import { DESCRIPTORS } from '../../../src/generated/descriptors.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { hashPassword } from '../../../src/identity/secrets/password.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTORS, 'base64')));
const METHODS = [...registry]
  .flatMap((type) => (type.kind === 'service' && type.file.proto.package === 'weir.admin.v1' ? type.methods : []))
  .map((method) => `${method.parent.name}/${method.name}`);

/** Methods whose credential is in the request. Every other method needs an access token. */
const WITHOUT_TOKEN = new Set([
  ...['AuthService/Login', 'AuthService/RefreshToken', 'AuthService/Logout'],
  ...['TokenInfoService/GetTokenInfo', 'TokenInfoService/DisableToken'],
  ...['AuthService/Register', 'AuthService/VerifyEmail'],
  ...['AuthService/RequestPasswordReset', 'AuthService/ResetPassword'],
]);
/** Methods for accounts without the role of an administrator. Every other method is for administrators. */
const FOR_ACCOUNTS = new Set([
  ...['ApiKeyService/CreateApiKey', 'ApiKeyService/BatchCreateApiKeys', 'ApiKeyService/GetApiKey'],
  ...['ApiKeyService/ListApiKeys', 'ApiKeyService/UpdateApiKey', 'ApiKeyService/RotateApiKey'],
  ...['ApiKeyService/DeleteApiKey', 'PlanService/GetPlan', 'PlanService/ListPlans'],
  'AccountService/GetAccount',
  ...['AuthService/GetProfile', 'AuthService/UpdateProfile', 'AuthService/ChangePassword'],
  ...['AuthService/EnrollTotp', 'AuthService/ConfirmTotp', 'AuthService/DisableTotp'],
  ...['AuthService/DeactivateAccount', 'SessionService/ListSessions', 'SessionService/DeleteSession'],
  ...['AuditService/GetAuditEvent', 'AuditService/ListAuditEvents'],
  ...['DeviceService/CreateDevice', 'DeviceService/GetDevice', 'DeviceService/UpdateDevice'],
  ...['AccountService/ListPlanChanges', 'ApiKeyService/ListPlanChanges', 'RequestLogService/ListRequestLogs'],
  ...['UsageService/GetUsage', 'UsageService/QueryUsage', 'UsageService/ExportUsage'],
  'DeviceService/DeleteDevice',
]);

const USER = { email: 'user@example.com', password: 'the password of a user' };

const it = test.extend('user', { scope: 'file' }, async ({ node, issuers }): Promise<Headers> => {
  await issuers.run(
    `insert into account (id, email, password_hash, role, plan_id, create_time, update_time)
     values ('user', ?, ?, 'user', 'free', now(), now())`,
    USER.email,
    await hashPassword(USER.password),
  );
  const { accessToken } = await node.admin.call(AuthServiceService.login, USER);
  return { authorization: `Bearer ${accessToken}` };
});

/** Calls a method with an empty message. Returns the status of the failure; OK if it succeeds. */
async function call(node: TestNode, path: string, headers: Headers): Promise<number> {
  const method = { path, requestSerialize: () => Buffer.alloc(0), responseDeserialize: () => true };
  try {
    await node.admin.call(method, undefined, headers);
    return status.OK;
  } catch (error) {
    return (error as { code: number }).code; // grpc-js rejects with nothing else
  }
}

const pathOf = (method: string) => `/weir.admin.v1.${method}`;

describe.for(METHODS.filter((method) => !WITHOUT_TOKEN.has(method)))('the admin method %s', (method) => {
  it('is refused without a valid access token', async ({ node, administrator, user }) => {
    const [header = '', claims = '', signature = ''] =
      administrator.authorization?.slice('Bearer '.length).split('.') ?? [];
    const [, userClaims = ''] = user.authorization?.split('.') ?? [];
    const unsigned = Buffer.from('{"alg":"none"}').toString('base64url');
    const headers: readonly Headers[] = [
      {},
      ...['', 'Bearer', 'Bearer ', 'Bearer null', 'Basic YWRtaW46YWRtaW4=', `${header}.${claims}.${signature}`].map(
        (authorization) => ({ authorization }),
      ),
      ...[`${unsigned}.${claims}.`, `${header}.${claims}.`, `${header}.${userClaims}.${signature}`].map((token) => ({
        authorization: `Bearer ${token}`,
      })),
      { authorization: `Bearer ${header}.${claims}.${signature} ${header}.${claims}.${signature}` },
      { 'x-api-key': `${header}.${claims}.${signature}`, 'x-weir-account': 'admin', cookie: `token=${claims}` },
    ];
    const answers = await Promise.all(headers.map((each) => call(node, pathOf(method), each)));
    expect(answers).toEqual(headers.map(() => status.UNAUTHENTICATED));
  });

  it.skipIf(FOR_ACCOUNTS.has(method))('is refused to an account that is no administrator', async ({ node, user }) => {
    expect(await call(node, pathOf(method), user)).toBe(status.PERMISSION_DENIED);
  });

  it('is not reached by another spelling of its path', async ({ node, administrator }) => {
    const [service = '', name = ''] = method.split('/');
    const spellings = [
      `//weir.admin.v1.${method}`,
      `${pathOf(method)}/`,
      `${pathOf(method)}?x=y`,
      `/weir.admin.v1.${service}//${name}`,
      `/weir.admin.v1.${service}/${name.toLowerCase()}`,
      `/weir.admin.v1.${service.toLowerCase()}/${name}`,
      `/weir.admin.v1.${service}%2f${name}`,
      `/x/../weir.admin.v1.${method}`,
    ];
    const answers = await Promise.all(spellings.map((path) => call(node, path, administrator)));
    expect(answers).toEqual(spellings.map(() => status.UNIMPLEMENTED));
  });
});

describe('a node of the role decision', () => {
  it('answers only reads, and all but GetTokenInfo only with an access token', async ({ node, startNode }) => {
    const follower = await startNode({ WEIR_ROLE: 'decision' });
    const administrator = await node.signIn();
    const listAnswered = async (headers: Headers, refusal: number) => {
      const answers = await Promise.all(
        METHODS.map(async (method) => ({ method, code: await call(follower, pathOf(method), headers) })),
      );
      return answers
        .filter(({ code }) => code !== refusal && code !== status.UNIMPLEMENTED)
        .map(({ method }) => method);
    };
    const answered = await listAnswered(administrator, status.UNIMPLEMENTED);
    expect(answered.filter((method) => !/\/(?:Get|List|Query|Export|Preview|Explain$)/.test(method))).toEqual([]);
    for (const list of ['SigningKeyService/ListSigningKeys', 'TokenService/ListIssuedTokens']) {
      expect(await call(follower, pathOf(list), administrator)).toBe(status.OK);
    }
    expect(await listAnswered({}, status.UNAUTHENTICATED)).toEqual(['TokenInfoService/GetTokenInfo']);
  });
});

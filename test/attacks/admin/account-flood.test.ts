import { afterAll, beforeAll, expect, it } from 'vitest';
import { ApiKeyServiceService, ListApiKeysRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { ListPlansRequest, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { GrpcStatus } from '../../../src/transport/unary-call.ts';
import { countAttempts } from '../../support/attempts.ts';
import { callFrom } from '../../support/clients/call-from-address.ts';
import { GrpcClient } from '../../support/clients/grpc-client.ts';
import { ADMINISTRATOR } from '../../support/node.ts';
import { startWithDefaultLimits } from '../start-with-default-limits.ts';

const CALLS = countAttempts(2_000);
const CONNECTIONS = 20;
const USER = { email: 'user@example.com', password: 'correct horse battery staple', displayName: '' };

let started: Awaited<ReturnType<typeof startWithDefaultLimits>>;
let admin: GrpcClient;

beforeAll(async () => {
  started = await startWithDefaultLimits();
  admin = new GrpcClient(started.ports.admin);
});
afterAll(async () => {
  admin?.close();
  await started?.weir.stop();
});

async function signIn(credentials: { readonly email: string; readonly password: string }) {
  const { accessToken } = await admin.call(AuthServiceService.login, credentials);
  return { authorization: `Bearer ${accessToken}` };
}

it('a flood of calls from an account that has signed itself up leaves room for administrators', async () => {
  await admin.call(AuthServiceService.register, USER);
  const [user, administrator] = [await signIn(USER), await signIn(ADMINISTRATOR)];
  const requests = Array<ListApiKeysRequest>(CALLS / CONNECTIONS).fill(ListApiKeysRequest.fromPartial({}));
  let isOver = false;
  const flood = Promise.all(
    Array.from({ length: CONNECTIONS }, () =>
      callFrom('127.6.0.1', started.ports.admin, ApiKeyServiceService.listApiKeys, requests, user),
    ),
  ).finally(() => {
    isOver = true;
  });
  let answered = 0;
  while (!isOver) {
    const { plans } = await admin.call(PlanServiceService.listPlans, ListPlansRequest.fromPartial({}), administrator);
    expect(plans.length).toBeGreaterThan(0);
    answered += 1;
  }
  expect(answered).toBeGreaterThan(0);
  const codes = (await flood).flat().map(({ code }) => code);
  expect(codes).toHaveLength(CALLS);
  expect(codes).toContain(GrpcStatus.RESOURCE_EXHAUSTED);
});

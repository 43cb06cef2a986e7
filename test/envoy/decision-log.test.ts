import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AUTHZ_AND_RATE_LIMIT_PATH, createRequestWithKey } from '../../demo/checks/check.ts';
import { RATE_LIMIT_FILTER, setFilterField } from '../../demo/envoy-configuration.ts';
import { sendOverHttp1 } from '../../demo/http-clients.ts';
import { startEnvoy } from '../../demo/start-envoy.ts';
import { startUpstream } from '../../demo/upstream.ts';
import { ApiKeyServiceService, CreateApiKeyRequest } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { GrpcClient } from '../support/clients/grpc-client.ts';
import { newDatabase } from '../support/databases.ts';
import { ADMINISTRATOR, NODE_SECRETS } from '../support/node.ts';
import { waitUntil } from '../support/wait-until.ts';
import { startWeirProcess } from '../support/weir-process.ts';

/** The configuration has a descriptor for the client's address, and Weir rejects it without a rule. */
const RULES = `domain: plans
descriptors: [{key: remote_address, rate_limit: {requests: 100, window: 1h}}]
`;

const resources = new AsyncDisposableStack();
let started: Awaited<ReturnType<typeof startWeirProcess>>;
let secret: string;

beforeAll(async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-decision-log-envoy-'));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  await writeFile(path.join(folder, 'rules.yaml'), RULES);
  started = await startWeirProcess({
    DATABASE_URL: await newDatabase(),
    DATA_DIR: path.join(folder, 'data'),
    RULES_PATH: path.join(folder, 'rules.yaml'),
    ...NODE_SECRETS,
    DECISION_LOG: 'all',
  });
  resources.defer(async () => void (await started.weir.stop()));
  const admin = new GrpcClient(started.ports.admin);
  const { accessToken } = await admin.call(AuthServiceService.login, ADMINISTRATOR);
  const request = CreateApiKeyRequest.fromPartial({ apiKey: { displayName: 'test', plan: 'plans/free' } });
  const headers = { authorization: `Bearer ${accessToken}` };
  ({ secret } = await admin.call(ApiKeyServiceService.createApiKey, request, headers));
  admin.close();
}, 300_000);
afterAll(() => resources.disposeAsync());

describe('DECISION_LOG behind an Envoy', () => {
  it('has the same request id for both questions, where the rate limit filter sends it', async () => {
    const upstream = await startUpstream('127.0.0.1', 0);
    resources.defer(() => upstream.stop());
    // As in docs/decision-log.md.
    const sendRequestId = setFilterField(
      RATE_LIMIT_FILTER,
      ['rate_limit_service', 'grpc_service', 'initial_metadata'],
      [{ key: 'x-request-id', value: '%DYNAMIC_METADATA(envoy.filters.http.ext_authz:request_id)%' }],
    );
    const options = { weirPort: started.ports.decision, upstreamPort: upstream.port };
    const envoy = await startEnvoy(options, sendRequestId);
    resources.defer(() => envoy.stop());

    const response = await sendOverHttp1(envoy.origin, createRequestWithKey(AUTHZ_AND_RATE_LIMIT_PATH, { secret }));
    expect(response.status).toBe(200);
    const lines = () => started.weir.printed.split('\n').filter((line) => line.includes('"msg":"decision"'));
    await waitUntil(() => lines().length === 2);
    const requestId = response.headers['x-request-id'];
    expect(lines().map((line) => JSON.parse(line))).toEqual([
      expect.objectContaining({ question: 'check', verdict: 'allowed', request_id: requestId, plan: 'free' }),
      expect.objectContaining({ question: 'rate_limit', verdict: 'allowed', request_id: requestId, plan: 'free' }),
    ]);
  });
});

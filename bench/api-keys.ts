import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { CreateApiKeyRequest, CreateApiKeyResponse } from '../src/generated/weir/admin/v1/api_key_service.ts';
import { LoginRequest, LoginResponse } from '../src/generated/weir/admin/v1/auth_service.ts';
import { CreatePlanRequest, Plan } from '../src/generated/weir/admin/v1/plan_service.ts';
import { ADMINISTRATOR } from './weir-server.ts';

/** Calls of the admin API outstanding at a time. */
const CONCURRENCY = 16;

interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
  fromPartial(partial: Partial<T>): T;
}

/** Creates a plan that grants nearly everything and keys on it; returns their secrets. */
export async function createApiKeys(adminPort: number, count: number): Promise<string[]> {
  const client = new Client(`127.0.0.1:${adminPort}`, credentials.createInsecure());
  try {
    const login = await call(client, 'AuthService/Login', LoginRequest, LoginResponse, ADMINISTRATOR);
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${login.accessToken}`);
    const limit = { name: 'burst', requests: 1_000_000_000, window: '1m', algorithm: '' };
    const plan = Plan.fromPartial({ displayName: 'Bench', limits: [limit] });
    await call(client, 'PlanService/CreatePlan', CreatePlanRequest, Plan, { planId: 'bench', plan }, metadata);
    const secrets: string[] = [];
    let left = count;
    const worker = async () => {
      while (left-- > 0) {
        const request = CreateApiKeyRequest.fromPartial({ apiKey: { displayName: 'bench', plan: 'plans/bench' } });
        const path = 'ApiKeyService/CreateApiKey';
        secrets.push((await call(client, path, CreateApiKeyRequest, CreateApiKeyResponse, request, metadata)).secret);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
    return secrets;
  } finally {
    client.close();
  }
}

function call<Request, Response>(
  client: Client,
  method: string,
  requestType: Codec<Request>,
  responseType: Codec<Response>,
  request: Partial<Request>,
  metadata = new Metadata(),
): Promise<Response> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest<Request, Response>(
      `/weir.admin.v1.${method}`,
      (message) => Buffer.from(requestType.encode(message).finish()),
      (bytes) => responseType.decode(bytes),
      requestType.fromPartial(request),
      metadata,
      { deadline: Date.now() + 30_000 },
      (error, response) => (response === undefined ? reject(error) : resolve(response)),
    );
  });
}

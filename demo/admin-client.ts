import { Client, credentials, Metadata, type MethodDefinition } from '@grpc/grpc-js';
import {
  ApiKeyServiceService,
  CreateApiKeyRequest,
  UpdateApiKeyRequest,
} from '../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../src/generated/weir/admin/v1/auth_service.ts';
import { CreatePlanRequest, PlanServiceService } from '../src/generated/weir/admin/v1/plan_service.ts';
import { UsageServiceService, type UsageTotals } from '../src/generated/weir/admin/v1/usage_service.ts';

const CALL_TIMEOUT_MS = 10_000;

export interface ApiKey {
  /** `apiKeys/{id}`. */
  readonly name: string;
  /** `accounts/{id}`. */
  readonly account: string;
  readonly secret: string;
}

/** Manages plans and keys with the admin API of Weir, as an administrator. */
export class AdminClient {
  readonly #client: Client;
  readonly #metadata = new Metadata();

  private constructor(client: Client) {
    this.#client = client;
  }

  static async signIn(address: string, login: { email: string; password: string }): Promise<AdminClient> {
    const admin = new AdminClient(new Client(address, credentials.createInsecure()));
    try {
      const { accessToken } = await admin.#call(AuthServiceService.login, login);
      admin.#metadata.set('authorization', `Bearer ${accessToken}`);
      return admin;
    } catch (error) {
      admin.close();
      throw error;
    }
  }

  /** Creates the plan `plans/{planId}` with one limit. The form of `window` is that of `60s`. */
  async createPlan(planId: string, requests: number, window: string): Promise<void> {
    const plan = { displayName: planId, limits: [{ name: 'burst', requests, window }] };
    await this.#call(PlanServiceService.createPlan, CreatePlanRequest.fromPartial({ planId, plan }));
  }

  /** Creates a key. Once this resolves, the node that created the key accepts it. */
  async createKey(planId: string): Promise<ApiKey> {
    const request = CreateApiKeyRequest.fromPartial({ apiKey: { displayName: 'demo', plan: `plans/${planId}` } });
    const { apiKey, secret } = await this.#call(ApiKeyServiceService.createApiKey, request);
    if (apiKey === undefined) throw new Error('CreateApiKey: the response must contain api_key');
    return { name: apiKey.name, account: apiKey.account, secret };
  }

  async disableKey(name: string): Promise<void> {
    const request = { apiKey: { name, disabled: true }, updateMask: 'disabled' };
    await this.#call(ApiKeyServiceService.updateApiKey, UpdateApiKeyRequest.fromPartial(request));
  }

  /** Usage of today of a key: requests by outcome. */
  async getUsage({ name }: ApiKey): Promise<UsageTotals | undefined> {
    return (await this.#call(UsageServiceService.getUsage, { name: `${name}/usage` })).today;
  }

  close(): void {
    this.#client.close();
  }

  #call<Request, Response>(method: MethodDefinition<Request, Response>, request: Request): Promise<Response> {
    const { path, requestSerialize, responseDeserialize } = method;
    const options = { deadline: Date.now() + CALL_TIMEOUT_MS };
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        this.#metadata,
        options,
        (error, response) => {
          if (error !== null) reject(new Error(`${path}: ${error.message}`, { cause: error }));
          else if (response === undefined) reject(new Error(`${path}: must return a response`));
          else resolve(response);
        },
      );
    });
  }
}

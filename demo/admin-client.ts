import { Client, credentials, Metadata, type MethodDefinition } from '@grpc/grpc-js';
import {
  ApiKeyServiceService,
  CreateApiKeyRequest,
  UpdateApiKeyRequest,
} from '../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../src/generated/weir/admin/v1/auth_service.ts';
import { CreatePlanRequest, PlanServiceService } from '../src/generated/weir/admin/v1/plan_service.ts';

const ANSWER_WITHIN_MS = 10_000;

export interface ApiKey {
  /** `apiKeys/{id}`. */
  readonly name: string;
  /** `accounts/{id}`. */
  readonly account: string;
  readonly secret: string;
}

/** Who manages plans and keys, over Weir's admin API. */
export class Administrator {
  readonly #client: Client;
  readonly #metadata = new Metadata();

  private constructor(client: Client) {
    this.#client = client;
  }

  static async signIn(address: string, by: { email: string; password: string }): Promise<Administrator> {
    const administrator = new Administrator(new Client(address, credentials.createInsecure()));
    try {
      const { accessToken } = await administrator.#call(AuthServiceService.login, by);
      administrator.#metadata.set('authorization', `Bearer ${accessToken}`);
      return administrator;
    } catch (error) {
      administrator.signOut();
      throw error;
    }
  }

  /** Creates the plan `plans/{planId}` of one limit. `window` is written as in `60s`. */
  async createPlan(planId: string, requests: number, window: string): Promise<void> {
    const plan = { displayName: planId, limits: [{ name: 'burst', requests, window }] };
    await this.#call(PlanServiceService.createPlan, CreatePlanRequest.fromPartial({ planId, plan }));
  }

  /** Creates a key; decisions of the node that made it know it when this resolves. */
  async createKey(planId: string): Promise<ApiKey> {
    const request = CreateApiKeyRequest.fromPartial({ apiKey: { displayName: 'demo', plan: `plans/${planId}` } });
    const { apiKey, secret } = await this.#call(ApiKeyServiceService.createApiKey, request);
    if (apiKey === undefined) throw new Error('CreateApiKey: expected api_key in the answer');
    return { name: apiKey.name, account: apiKey.account, secret };
  }

  async disableKey(name: string): Promise<void> {
    const request = { apiKey: { name, disabled: true }, updateMask: 'disabled' };
    await this.#call(ApiKeyServiceService.updateApiKey, UpdateApiKeyRequest.fromPartial(request));
  }

  signOut(): void {
    this.#client.close();
  }

  #call<Request, Response>(method: MethodDefinition<Request, Response>, request: Request): Promise<Response> {
    const { path, requestSerialize, responseDeserialize } = method;
    const options = { deadline: Date.now() + ANSWER_WITHIN_MS };
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
          else if (response === undefined) reject(new Error(`${path}: expected an answer`));
          else resolve(response);
        },
      );
    });
  }
}

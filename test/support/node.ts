import { type App, buildApp } from '../../src/app.ts';
import { readConfig } from '../../src/config/config.ts';
import {
  type ApiKey,
  ApiKeyServiceService,
  CreateApiKeyRequest,
} from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { CreatePlanRequest, PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import type { Logger } from '../../src/interfaces/logger.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { GrpcClient, type Headers } from './grpc-client.ts';

export const ADMINISTRATOR = { email: 'admin@example.com', password: 'a password of the tests' };

export const SIGNING_KEY_SECRET = 'a signing key secret of the tests';

export type Environment = Readonly<Record<string, string>>;

export interface NewApiKey {
  /** `apiKeys/{id}`. */
  readonly name: string;
  readonly secret: string;
}

/** A complete Weir in this process, on free ports, with a client for each of its gRPC planes. */
export class TestNode {
  readonly app: App;
  readonly decision: GrpcClient;
  readonly admin: GrpcClient;

  private constructor(app: App) {
    this.app = app;
    this.decision = new GrpcClient(app.ports.decision ?? app.ports.admin);
    this.admin = new GrpcClient(app.ports.admin);
  }

  static async start(environment: Environment, log: Logger = createLogger('fatal')): Promise<TestNode> {
    const config = readConfig({
      DECISION_ADDRESS: '127.0.0.1:0',
      ADMIN_ADDRESS: '127.0.0.1:0',
      HTTP_ADDRESS: '127.0.0.1:0',
      // Redis may answer late on a busy machine. The failure policy would then decide, instead of the counters under test.
      REDIS_DEADLINE_MS: '2000',
      SIGNING_KEY_SECRET,
      ADMIN_EMAIL: ADMINISTRATOR.email,
      ADMIN_PASSWORD: ADMINISTRATOR.password,
      ...environment,
    });
    return new TestNode(await buildApp(config, log));
  }

  /** Signs the administrator in. Returns the headers of further calls. */
  async signIn(): Promise<Headers> {
    const { accessToken } = await this.admin.call(AuthServiceService.login, ADMINISTRATOR);
    return { authorization: `Bearer ${accessToken}` };
  }

  /**
   * Creates a plan with one limit per minute. By default the limit denies while Redis does not answer, so that a late
   * reply on a busy machine never grants more than the limit.
   */
  async createPlan(headers: Headers, planId: string, requests: number, onStoreFailure = 'deny'): Promise<void> {
    const plan = { displayName: planId, limits: [{ name: 'burst', requests, window: '60s', onStoreFailure }] };
    await this.admin.call(PlanServiceService.createPlan, CreatePlanRequest.fromPartial({ planId, plan }), headers);
  }

  async createKey(headers: Headers, planId: string, fields: Partial<ApiKey> = {}): Promise<NewApiKey> {
    const plan = `plans/${planId}`;
    const request = CreateApiKeyRequest.fromPartial({ apiKey: { displayName: 'test', plan, ...fields } });
    const { apiKey, secret } = await this.admin.call(ApiKeyServiceService.createApiKey, request, headers);
    return { name: apiKey?.name ?? '', secret };
  }

  /** Sends a request to the HTTP port, such as `/readyz`. */
  fetch(path: string, options: RequestInit = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.app.ports.http}${path}`, options);
  }

  /** Reads `/metrics`. */
  async metrics(): Promise<string> {
    return (await this.fetch('/metrics')).text();
  }

  async stop(): Promise<void> {
    this.decision.close();
    this.admin.close();
    await this.app.stop();
  }
}

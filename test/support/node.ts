import { type App, buildApp } from '../../src/app.ts';
import { type Config, readConfig } from '../../src/config/config.ts';
import {
  type ApiKey,
  ApiKeyServiceService,
  CreateApiKeyRequest,
} from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { CreatePlanRequest, PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import { createLogger, type Logger } from '../../src/telemetry/logger.ts';
import { GrpcClient, type Headers } from './grpc.ts';

export const ADMINISTRATOR = { email: 'admin@example.com', password: 'a password of the tests' };

/** `apiKeys/{id}` and the secret of a new key. */
export interface NewApiKey {
  readonly name: string;
  readonly secret: string;
}

/** A whole Weir in this process, on ports of its own, and a client for each plane. */
export class TestNode {
  readonly app: App;
  readonly decision: GrpcClient;
  readonly admin: GrpcClient;

  private constructor(app: App) {
    this.app = app;
    this.decision = new GrpcClient(app.ports.decision ?? app.ports.admin);
    this.admin = new GrpcClient(app.ports.admin);
  }

  static async start(
    environment: Readonly<Record<string, string>>,
    log: Logger = createLogger('fatal'),
  ): Promise<TestNode> {
    const config: Config = readConfig({
      DECISION_ADDRESS: '127.0.0.1:0',
      ADMIN_ADDRESS: '127.0.0.1:0',
      HTTP_ADDRESS: '127.0.0.1:0',
      // Tests share two cores: a late reply of Redis would be another verdict than the one they are about.
      REDIS_DEADLINE_MS: '2000',
      SIGNING_KEY_SECRET: 'a signing key secret of the tests',
      ADMIN_EMAIL: ADMINISTRATOR.email,
      ADMIN_PASSWORD: ADMINISTRATOR.password,
      ...environment,
    });
    return new TestNode(await buildApp(config, log));
  }

  async signIn(): Promise<Headers> {
    const { accessToken } = await this.admin.call(AuthServiceService.login, ADMINISTRATOR);
    return { authorization: `Bearer ${accessToken}` };
  }

  /** Nodes of tests share two cores with others: a reply of Redis that comes late must not be a grant more. */
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

  async stop(): Promise<void> {
    this.decision.close();
    this.admin.close();
    await this.app.stop();
  }
}

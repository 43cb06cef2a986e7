import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepareDecisions } from '../../src/app/decisions/prepare-decisions.ts';
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
import type { DecisionPort } from '../../src/workers/decision-port.ts';
import type { DecisionSettings } from '../../src/workers/decisions.ts';
import { GrpcClient, type Headers } from './clients/grpc-client.ts';

export const ADMINISTRATOR = { email: 'admin@example.com', password: 'a password of the tests' };

export const SIGNING_KEY_SECRET = 'a signing key secret of the tests';

/** The secret of the signing keys and the first administrator of a node in tests. */
export const NODE_SECRETS = {
  SIGNING_KEY_SECRET,
  ADMIN_EMAIL: ADMINISTRATOR.email,
  ADMIN_PASSWORD: ADMINISTRATOR.password,
};

/** Rules of nodes without rules of their own. They do not limit the calls of the admin API. */
export const NO_ADMIN_LIMITS = fileURLToPath(new URL('no-admin-limits.yaml', import.meta.url));

export type Environment = Readonly<Record<string, string>>;

export interface NewApiKey {
  /** `apiKeys/{id}`. */
  readonly name: string;
  readonly secret: string;
}

/**
 * A complete Weir on free ports, with a client for each of its gRPC planes. Everything runs in this process: in
 * production, the part that decides has a process of its own (`startWeirProcess`).
 */
export class TestNode {
  readonly app: App;
  /** The part that decides, as the admin API asks it. */
  readonly port: DecisionPort;
  readonly decision: GrpcClient;
  readonly admin: GrpcClient;
  /** DATA_DIR, unless the test sets another one. */
  readonly #ownFolder: string;

  private constructor(app: App, port: DecisionPort, ownFolder: string) {
    this.app = app;
    this.port = port;
    this.decision = new GrpcClient(app.ports.decision ?? app.ports.admin);
    this.admin = new GrpcClient(app.ports.admin);
    this.#ownFolder = ownFolder;
  }

  static async start(environment: Environment, log: Logger = createLogger('fatal')): Promise<TestNode> {
    const ownFolder = path.join(tmpdir(), `weir-node-${randomUUID()}`);
    const config = readConfig({
      DECISION_ADDRESS: '127.0.0.1:0',
      ADMIN_ADDRESS: '127.0.0.1:0',
      HTTP_ADDRESS: '127.0.0.1:0',
      JSON_ADDRESS: '127.0.0.1:0',
      // Redis may answer late on a busy machine. The failure policy would then decide, instead of the counters under test.
      REDIS_DEADLINE_MS: '2000',
      ...NODE_SECRETS,
      DATA_DIR: ownFolder,
      // Identity providers of the tests are on this machine.
      PRIVATE_ISSUER_HOSTS: '127.0.0.1',
      ...environment,
      // Without rules of its own, a test makes as many calls of the admin API as it likes.
      RULES_PATH: environment.RULES_PATH || NO_ADMIN_LIMITS,
    });
    let port: DecisionPort | undefined;
    const app = await buildApp(config, log, async (...settings) => {
      const decisions = await prepareDecisions(...settings);
      const start = async (parts: DecisionSettings) => {
        const started = await decisions.start(parts);
        port = started.port;
        return started;
      };
      return { ...decisions, start };
    });
    if (port === undefined) throw new Error('buildApp must start the part that decides');
    return new TestNode(app, port, ownFolder);
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

  /** Without `planId`, the key is on the plan of its account. */
  async createKey(headers: Headers, planId: string, fields: Partial<ApiKey> = {}): Promise<NewApiKey> {
    const plan = planId === '' ? '' : `plans/${planId}`;
    const request = CreateApiKeyRequest.fromPartial({ apiKey: { displayName: 'test', plan, ...fields } });
    const { apiKey, secret } = await this.admin.call(ApiKeyServiceService.createApiKey, request, headers);
    return { name: apiKey?.name ?? '', secret };
  }

  /** Sends a request to the HTTP port, such as `/readyz`. */
  fetch(path: string, options: RequestInit = {}): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.app.ports.http}${path}`, options);
  }

  /** Sends a request to the port of `/json`. */
  fetchJson(options: RequestInit, path = '/json'): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.app.ports.json}${path}`, options);
  }

  /** Reads `/metrics`. */
  async metrics(): Promise<string> {
    return (await this.fetch('/metrics')).text();
  }

  async stop(): Promise<void> {
    this.decision.close();
    this.admin.close();
    await this.app.stop();
    await rm(this.#ownFolder, { recursive: true, force: true });
  }
}

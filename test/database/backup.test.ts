import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPostgresClient, type PostgresClient } from '../../provision/programs/find-postgres-client.ts';
import { type RunningRedis, startRedis } from '../../provision/redis.ts';
import { runCommand } from '../../provision/run-command.ts';
import { ApiKeyServiceService, DeleteApiKeyRequest } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { CreatePlanRequest, PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import { IssueTokenRequest, TokenServiceService } from '../../src/generated/weir/admin/v1/token_service.ts';
import {
  QueryUsageRequest_GroupBy as GroupBy,
  QueryUsageRequest,
  QueryUsageRequest_Step as Step,
  UsageServiceService,
} from '../../src/generated/weir/admin/v1/usage_service.ts';
import { check, httpStatus } from '../support/clients/decision-calls.ts';
import type { Headers } from '../support/clients/grpc-client.ts';
import { newEmptyDatabase } from '../support/databases.ts';
import { type NewApiKey, TestNode } from '../support/node.ts';
import { waitUntil } from '../support/wait-until.ts';

const DAY_MS = 86_400_000;
const CHECKS = 7;
const INSTALL_TIMEOUT_MS = 300_000;
/** Writes under way when the dump begins. */
const WRITES_BEFORE_DUMP = 10;

const resources = new AsyncDisposableStack();
let client: PostgresClient;
let dump: string;
let databaseUrl: string;
let redis: RunningRedis;
let node: TestNode;
let administrator: Headers;
let key: NewApiKey;
let token: string;
let before: State;

/** The calls of a key that were counted, and what is left of its quota, as a customer sees them. */
interface State {
  readonly usage: unknown;
  readonly quota: unknown;
}

const start = (url: string, server: RunningRedis) =>
  TestNode.start({ DATABASE_URL: url, REDIS_URL: server.url, KEY_PEPPER: 'a pepper of the tests' });

async function useRedis(): Promise<RunningRedis> {
  const server = await startRedis();
  resources.defer(() => server.stop());
  return server;
}

const statusOf = async (headers: Headers) => httpStatus(await check(node.decision, headers));

async function createCredentials(): Promise<void> {
  const limits = [{ name: 'day', requests: 100, window: '1d', algorithm: 'calendar' }];
  const plan = CreatePlanRequest.fromPartial({ planId: 'daily', plan: { displayName: 'Daily', limits } });
  await node.admin.call(PlanServiceService.createPlan, plan, administrator);
  key = await node.createKey(administrator, 'daily');
  const issued = IssueTokenRequest.fromPartial({ account: 'somebody', plan: 'plans/free', ttl: '1h' });
  ({ token } = await node.admin.call(TokenServiceService.issueToken, issued, administrator));
  for (let count = 0; count < CHECKS; count++) {
    await waitUntil(async () => (await statusOf({ 'x-api-key': key.secret })) === 200);
  }
}

async function readState(): Promise<State> {
  const range = { startTime: new Date(Date.now() - DAY_MS), endTime: new Date(Date.now() + DAY_MS), step: Step.DAY };
  const fields = { parent: 'accounts/-', ...range, groupBy: [GroupBy.API_KEY] };
  const query = QueryUsageRequest.fromPartial(fields);
  const { rows } = await node.admin.call(UsageServiceService.queryUsage, query, administrator);
  const response = await node.fetch('/v1/quota', { headers: { 'x-api-key': key.secret } });
  const quotas = (await response.json()) as Record<string, unknown>[];
  return {
    usage: rows.filter(({ apiKey }) => apiKey === key.name),
    quota: quotas.map(({ limit, used, remaining }) => ({ limit, used, remaining })),
  };
}

/** Makes a dump while keys are created and used. Returns the number of keys that were created. */
async function dumpUnderLoad(): Promise<number> {
  const loaded = await node.createKey(administrator, 'enterprise');
  let isDumping = true;
  let writes = 0;
  const load = async () => {
    for (; isDumping; writes++) {
      await node.createKey(administrator, 'free');
      await statusOf({ 'x-api-key': loaded.secret });
    }
  };
  const loading = load();
  await waitUntil(() => writes >= WRITES_BEFORE_DUMP);
  await runCommand(client.pgDump, '--format=custom', `--file=${dump}`, databaseUrl);
  isDumping = false;
  await loading;
  return writes;
}

/** As docs/backup.md says. */
async function restoreInPlace(url: string): Promise<void> {
  await runCommand(client.pgRestore, '--no-owner', `--file=${dump}.sql`, dump);
  const options = ['--quiet', '--single-transaction', '--set=ON_ERROR_STOP=1'];
  const files = ['--command=drop schema public cascade; create schema public', `--file=${dump}.sql`];
  await runCommand(client.psql, ...options, ...files, url);
}

describe('a backup', () => {
  beforeAll(async () => {
    client = await findPostgresClient();
    const folder = await mkdtemp(path.join(tmpdir(), 'weir-backup-'));
    resources.defer(() => rm(folder, { recursive: true, force: true }));
    dump = path.join(folder, 'weir.dump');
    databaseUrl = await newEmptyDatabase();
    redis = await useRedis();
    node = await start(databaseUrl, redis);
    resources.defer(() => node.stop());
    administrator = await node.signIn();
    await createCredentials();
    // A node that stops writes its usage and the checkpoints of quotas.
    await node.stop();
    node = await start(databaseUrl, redis);
    before = await readState();
  }, INSTALL_TIMEOUT_MS);
  afterAll(() => resources.disposeAsync());

  it('can be made while keys are created and used', async () => {
    expect(before.quota).toEqual([{ limit: 'plans/daily/day', used: CHECKS, remaining: 100 - CHECKS }]);
    expect(await dumpUnderLoad()).toBeGreaterThan(WRITES_BEFORE_DUMP);
  });

  it('can be restored in place: a running node then accepts a key again that was deleted after it', async () => {
    const deletion = DeleteApiKeyRequest.fromPartial({ name: key.name });
    await node.admin.call(ApiKeyServiceService.deleteApiKey, deletion, administrator);
    await waitUntil(async () => (await statusOf({ 'x-api-key': key.secret })) === 401);
    await restoreInPlace(databaseUrl);
    await waitUntil(async () => (await node.fetch('/v1/quota', { headers: { 'x-api-key': key.secret } })).ok);
  });

  it('has keys, tokens, usage and quotas as they were, in a new database and with an empty Redis', async () => {
    await node.stop();
    const restoredUrl = await newEmptyDatabase();
    await runCommand(client.pgRestore, '--no-owner', '--single-transaction', `--dbname=${restoredUrl}`, dump);
    node = await start(restoredUrl, await useRedis());
    expect(await readState()).toEqual(before);
    expect(await statusOf({ 'x-api-key': key.secret })).toBe(200);
    expect(await statusOf({ authorization: `Bearer ${token}` })).toBe(200);
    expect(await statusOf({ 'x-api-key': 'unknown' })).toBe(401);
  });
});

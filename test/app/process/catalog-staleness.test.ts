import { execFileSync } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTemporaryFolder } from '../../../provision/postgres.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../src/database/embedded/embedded-postgres.ts';
import { RateLimitResponse_Code as Code } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import {
  HealthCheckRequest,
  HealthCheckResponse_ServingStatus,
  HealthService,
} from '../../../src/generated/grpc/health/v1/health.ts';
import { TokenInfoServiceService } from '../../../src/generated/weir/admin/v1/token_info_service.ts';
import { check, httpStatus, parseDenial, shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { TestNode } from '../../support/node.ts';

const UNAVAILABLE = 14;
const MAX_STALENESS_SECONDS = 3;

let folder: string;
let postgres: EmbeddedPostgres;
/** `enduring` uses its copy of the catalog without a time limit, `bounded` for three seconds. */
let enduring: TestNode;
let bounded: TestNode;
let secret: string;
let id: string;

const log = { info: () => {}, warn: console.warn, error: console.error };

beforeAll(async () => {
  folder = await createTemporaryFolder();
  postgres = await startEmbeddedPostgres({ dataFolder: folder, log, settings: { fsync: 'off' } });
  const shared = { DATABASE_URL: postgres.url };
  enduring = await TestNode.start(shared);
  bounded = await TestNode.start({ ...shared, CATALOG_MAX_STALENESS: String(MAX_STALENESS_SECONDS) });
  const administrator = await enduring.signIn();
  const key = await enduring.createKey(administrator, 'enterprise');
  secret = key.secret;
  id = key.name.slice('apiKeys/'.length);
});
afterAll(async () => {
  await signalPostgres('SIGCONT');
  await enduring?.stop();
  await bounded?.stop();
  await postgres?.stop();
  await rm(folder, { recursive: true });
});

/** Signals Postgres and all of its processes, because existing connections must fall silent too. */
async function signalPostgres(name: 'SIGSTOP' | 'SIGCONT'): Promise<void> {
  const file = path.join(folder, 'postgres', 'data', 'postmaster.pid');
  const postmaster = Number((await readFile(file, 'utf8')).split('\n')[0]);
  const table = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  const children = table
    .map((row) => row.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === postmaster);
  // The parent first, so that it starts no more children.
  for (const pid of [postmaster, ...children.map(([pid = 0]) => pid)]) process.kill(pid, name);
}

const checkKey = (node: TestNode) => check(node.decision, { 'x-api-key': secret });
const readStatus = async (node: TestNode) => httpStatus(await checkKey(node));
const readReadiness = async (node: TestNode) => (await node.fetch('/readyz')).status;
const readHealth = async (node: TestNode) =>
  (await node.admin.call(HealthService.check, HealthCheckRequest.create())).status;
const soon = { timeout: 20_000 };

describe('a node that loses Postgres', () => {
  it('allows keys until CATALOG_MAX_STALENESS, then answers 503, and recovers once it follows the feed', async () => {
    await expect.poll(() => readStatus(bounded), soon).toBe(200);
    await signalPostgres('SIGSTOP');
    const stoppedAt = performance.now();
    await sleep(1_000);
    expect([await readStatus(bounded), await readReadiness(bounded)]).toEqual([200, 200]);

    await expect.poll(() => readStatus(bounded), soon).toBe(503);
    expect(performance.now() - stoppedAt).toBeGreaterThan((MAX_STALENESS_SECONDS - 1) * 1000);
    expect(parseDenial(await checkKey(bounded))?.code).toBe('catalog_stale');
    for (const descriptor of [
      ['api_key', id],
      ['account', 'unknown'],
    ] as const) {
      await expect(shouldRateLimit(bounded.decision, 'plans', descriptor)).rejects.toMatchObject({ code: UNAVAILABLE });
    }
    const info = bounded.admin.call(TokenInfoServiceService.getTokenInfo, { secret });
    await expect(info).rejects.toMatchObject({ code: UNAVAILABLE });
    expect(await readReadiness(bounded)).toBe(503);
    await expect.poll(() => readHealth(bounded), soon).toBe(HealthCheckResponse_ServingStatus.NOT_SERVING);
    expect(await readReadiness(enduring)).toBe(200);
    expect(await readHealth(enduring)).toBe(HealthCheckResponse_ServingStatus.SERVING);
    expect(await (await bounded.fetch('/status')).json()).toMatchObject({
      ready: false,
      reasons: ['the catalog is out of date'],
      catalog: { source: 'postgres' },
    });

    // Requests that do not need the catalog are still answered.
    expect((await shouldRateLimit(bounded.decision, 'shop', ['path', '/'])).overallCode).toBe(Code.OK);
    expect(httpStatus(await check(bounded.decision, {}, { 'weir.auth': 'optional' }))).toBe(200);
    expect(httpStatus(await check(bounded.decision, { 'x-api-key': 'wk_live_garbage' }))).toBe(401);
    expect(await readStatus(enduring)).toBe(200);

    await signalPostgres('SIGCONT');
    await expect.poll(() => readStatus(bounded), soon).toBe(200);
    // The admin API follows the feed on its own.
    await expect.poll(() => readReadiness(bounded), soon).toBe(200);
    await expect.poll(() => readHealth(bounded), soon).toBe(HealthCheckResponse_ServingStatus.SERVING);
  });
});

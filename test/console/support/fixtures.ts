import { type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';
import { startEnvoy } from '../../../demo/start-envoy.ts';
import { startUpstream } from '../../../demo/upstream.ts';
import { findFreePort } from '../../../provision/free-port.ts';
import { findChromium } from '../../../provision/programs/find-chromium.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { GrpcClient, type Method } from '../../support/clients/grpc-client.ts';
import { logRequests } from '../../support/envoy/log-requests.ts';
import { test as base } from '../../support/fixtures.ts';
import { ADMINISTRATOR, NO_ADMIN_LIMITS, NODE_SECRETS } from '../../support/node.ts';
import { startWeirProcess } from '../../support/weir-process.ts';
import { BrowserProblems } from './browser-problems.ts';
import { signIn } from './sign-in.ts';

/** The zone of the browser, away from UTC and by no whole hour, so that a page that mixes them up shows. */
const BROWSER_OPTIONS: BrowserContextOptions = {
  locale: 'en-US',
  timezoneId: 'Asia/Kolkata',
  reducedMotion: 'reduce',
  viewport: { width: 1280, height: 800 },
};

/** For a test, the start of its node and its browser included. Long enough for a machine that is busy with other work. */
export const TEST_TIMEOUT_MS = 180_000;
/** For each step in the browser. */
const TIMEOUT_MS = 60_000;

/** A page of a browser context of its own, and what went wrong in it. */
export interface Visit {
  readonly page: Page;
  readonly problems: BrowserProblems;
}

/**
 * Test function with the fixtures of the console: `weir serve` as built in dist/, with Postgres and Redis, and a
 * Chromium. A test fails if anything went wrong in its pages, unless it forgives it (`BrowserProblems`).
 */
export const test = base
  /** A node in its own processes, as in production. Its ports are free ones. */
  .extend('served', { scope: 'file' }, async ({ nodeEnvironment, redis }, { onCleanup }) => {
    const requestLogPort = await findFreePort();
    const environment = {
      ...NODE_SECRETS,
      REQUEST_LOG: 'on',
      USAGE_FLUSH_INTERVAL: '1s',
      REQUEST_LOG_ADDRESS: `127.0.0.1:${requestLogPort}`,
      REDIS_URL: redis.url,
      REDIS_DEADLINE_MS: '2000', // Redis may answer late on a busy machine
      ...nodeEnvironment,
      RULES_PATH: nodeEnvironment.RULES_PATH || NO_ADMIN_LIMITS,
    };
    const { weir, ports } = await startWeirProcess(environment, 'dist/src/main.js');
    onCleanup(async () => void (await weir.stop()));
    return { ports: { ...ports, requestLog: requestLogPort }, origin: `http://127.0.0.1:${ports.http}` };
  })
  /** Origin of an Envoy in front of the node. It sends its access log to the node. */
  .extend('gateway', { scope: 'file' }, async ({ served }, { onCleanup }) => {
    const started = new AsyncDisposableStack();
    onCleanup(() => started.disposeAsync());
    const upstream = await startUpstream('127.0.0.1', 0);
    started.defer(() => upstream.stop());
    const ports = { weirPort: served.ports.decision, upstreamPort: upstream.port };
    const envoy = await startEnvoy(ports, ...(await logRequests(served.ports.requestLog)));
    started.defer(() => envoy.stop());
    return envoy.origin;
  })
  /** Calls the admin API over gRPC, as the administrator. */
  .extend('callAdmin', { scope: 'file' }, async ({ served }, { onCleanup }) => {
    const client = new GrpcClient(served.ports.admin);
    onCleanup(() => client.close());
    const { accessToken } = await client.call(AuthServiceService.login, ADMINISTRATOR);
    const headers = { authorization: `Bearer ${accessToken}` };
    return <Request, Response>(method: Method<Request, Response>, request: Request) =>
      client.call(method, request, headers);
  })
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of other fixtures from this pattern
  .extend('browser', { scope: 'file' }, async ({}, { onCleanup }) => {
    const browser = await chromium.launch({ executablePath: await findChromium() });
    onCleanup(() => browser.close());
    return browser;
  })
  /** Opens pages in new browser contexts. The end of the test closes them and fails if they had problems. */
  .extend('visit', ({ browser, served }, { onCleanup }) => {
    const ends: (() => Promise<void>)[] = [];
    onCleanup(async () => {
      for (const end of ends) await end();
    });
    return async (options: BrowserContextOptions = {}): Promise<Visit> => {
      const context = await browser.newContext({ ...BROWSER_OPTIONS, baseURL: served.origin, ...options });
      context.setDefaultTimeout(TIMEOUT_MS);
      const problems = await BrowserProblems.collect(context, served.origin);
      ends.push(async () => {
        await context.close();
        expect(problems.found).toEqual([]);
      });
      return { page: await context.newPage(), problems };
    };
  })
  /** The cookies of an administrator, who signed in on the page. With `visit({ storageState: session })` a test is signed in. */
  .extend('session', { scope: 'file' }, async ({ browser, served }) => {
    const context = await browser.newContext({ ...BROWSER_OPTIONS, baseURL: served.origin });
    context.setDefaultTimeout(TIMEOUT_MS);
    const page = await context.newPage();
    await signIn(page, ADMINISTRATOR);
    const state = await context.storageState();
    await context.close();
    return state;
  });

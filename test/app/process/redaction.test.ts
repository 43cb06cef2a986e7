import { glob, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTemporaryFolder } from '../../../provision/postgres.ts';
import { type RunningRedis, startRedisProcess } from '../../../provision/redis.ts';
import { InvalidConfig, readConfig } from '../../../src/config/config.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../src/database/embedded/embedded-postgres.ts';
import { SigningKeyEntity } from '../../../src/database/entities/token-entities.ts';
import { createQuery, openDatabase } from '../../../src/database/open-database.ts';
import { ApiKeyServiceService, CreateApiKeyRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { TokenInfoServiceService } from '../../../src/generated/weir/admin/v1/token_info_service.ts';
import { createSealer } from '../../../src/identity/issue-tokens/key-sealer.ts';
import { check, shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { GrpcClient, type Headers } from '../../support/clients/grpc-client.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { startWeirProcess, WeirProcess } from '../../support/weir-process.ts';

/** Secrets of the configuration; the tests add keys and tokens. No secret looks like a resource id, which errors may name. */
const DATABASE_PASSWORD = 'Known_Database_Password_1';
const REDIS_PASSWORD = 'Known_Redis_Password_1';
const ADMIN_PASSWORD = 'Known_Admin_Password_1';
const KEY_PEPPER = 'Known_Key_Pepper_1';
const SIGNING_KEY_SECRET = 'Known_Signing_Key_Secret_of_32_characters';
const OTHER_PASSWORD = 'Known_Other_Password_1';
const secrets = new Set([
  DATABASE_PASSWORD,
  REDIS_PASSWORD,
  ADMIN_PASSWORD,
  KEY_PEPPER,
  SIGNING_KEY_SECRET,
  OTHER_PASSWORD,
]);

/** All services of both planes, including future ones. */
const SERVICES = 'src/generated/{weir/admin/v1/*_service,envoy/service/*/v3/rls,envoy/service/*/v3/external_auth}.ts';

let postgres: EmbeddedPostgres;
let redis: RunningRedis;
let folder: string;
let running: Awaited<ReturnType<typeof startWeirProcess>>;
let admin: GrpcClient;
let decision: GrpcClient;
let administrator: Headers;
let key: { name: string; secret: string };
/** Texts of all errors that callers received. */
const errors: string[] = [];

beforeAll(async () => {
  folder = await createTemporaryFolder();
  const quiet = { info: () => {}, warn: () => {}, error: () => {} };
  postgres = await startEmbeddedPostgres({
    dataFolder: folder,
    log: quiet,
    settings: { fsync: 'off' },
    roleAttributes: 'superuser',
  });
  const database = await openDatabase({ url: postgres.url });
  await createQuery(database)(`create role known superuser login password '${DATABASE_PASSWORD}'`, []);
  await database.close(true);
  redis = await startRedisProcess({ extraArguments: ['--requirepass', REDIS_PASSWORD] });
  running = await startWeirProcess(createEnvironment());
  admin = new GrpcClient(running.ports.admin);
  decision = new GrpcClient(running.ports.decision);
  await addSigningKeySecrets();
  administrator = await signIn();
  const request = CreateApiKeyRequest.fromPartial({ apiKey: { displayName: 'known' } });
  const created = await admin.call(ApiKeyServiceService.createApiKey, request, administrator);
  key = { name: created.apiKey?.name ?? '', secret: created.secret };
  secrets.add(key.secret);
});
afterAll(async () => {
  admin?.close();
  decision?.close();
  await running?.weir.stop();
  await redis?.stop();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Adds the keys that sign access tokens to the secrets, both sealed and opened. */
async function addSigningKeySecrets(): Promise<void> {
  const database = await openDatabase({ url: postgres.url });
  const keys = await database.em.fork().findAll(SigningKeyEntity);
  await database.close(true);
  expect(keys).toHaveLength(1);
  for (const { id, algorithm, sealedJwk } of keys) {
    const { d } = createSealer(SIGNING_KEY_SECRET).open({ id, algorithm }, sealedJwk ?? '');
    for (const part of [sealedJwk, d]) secrets.add(typeof part === 'string' ? part : expect.fail('no key'));
  }
}

function createEnvironment(): Record<string, string> {
  const url = new URL(postgres.url);
  url.username = 'known';
  url.password = DATABASE_PASSWORD;
  return {
    LOG_LEVEL: 'trace',
    DATABASE_URL: url.href,
    REDIS_URL: redis.url.replace('redis://', `redis://:${REDIS_PASSWORD}@`),
    REDIS_DEADLINE_MS: '2000',
    ADMIN_EMAIL: 'admin@example.com',
    ADMIN_PASSWORD,
    KEY_PEPPER,
    SIGNING_KEY_SECRET,
  };
}

async function signIn(): Promise<Headers> {
  const login = { email: 'admin@example.com', password: ADMIN_PASSWORD };
  const { accessToken, refreshToken } = await admin.call(AuthServiceService.login, login);
  for (const token of [accessToken, refreshToken]) secrets.add(token);
  return { authorization: `Bearer ${accessToken}` };
}

function formatError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { metadata } = error as Partial<ServiceError>; // grpc-js' errors have it
  const details = metadata?.get('grpc-status-details-bin').map(String).join() ?? '';
  return `${error.message} ${details}`;
}

/** Waits for a call that may fail and keeps the text of its error. */
async function attempt(call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => errors.push(formatError(error)));
}

function findLeaks(text: string): string[] {
  return [...secrets].filter((secret) => text.includes(secret) || text.includes(encodeURIComponent(secret)));
}

async function expectNoLeak(): Promise<void> {
  await sleep(200);
  const metrics = await (await fetch(`http://127.0.0.1:${running.ports.http}/metrics`)).text();
  for (const [source, text] of Object.entries({ log: running.weir.printed, metrics })) {
    const leakingLine = text.split('\n').find((line) => findLeaks(line).length > 0);
    expect(leakingLine, `a secret is in the ${source}`).toBeUndefined();
  }
  expect(
    errors.find((error) => findLeaks(error).length > 0),
    'a secret is in an error',
  ).toBeUndefined();
}

interface Method {
  readonly path: string;
}

async function listMethodPaths(): Promise<readonly string[]> {
  const files: string[] = [];
  for await (const file of glob(SERVICES)) files.push(file);
  const modules = await Promise.all(
    files.map(async (file): Promise<object> => import(pathToFileURL(path.resolve(file)).href)),
  );
  const services = modules.flatMap((module) => Object.entries(module).filter(([name]) => name.endsWith('Service')));
  return services.flatMap(([, service]) => Object.values(service as Record<string, Method>).map(({ path }) => path)); // as ts-proto writes them
}

/** Encodes a length-delimited field of a protobuf message: a string, bytes or a message. */
function encodeField(number: number, value: Uint8Array): Buffer {
  const length: number[] = [];
  for (let rest = value.length; ; rest >>>= 7) {
    length.push(rest > 127 ? (rest & 127) | 128 : rest);
    if (rest <= 127) break;
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), value]);
}

describe('no secret appears in a log line, a metric or an error', () => {
  it('after valid and invalid calls with secrets where they belong', async () => {
    const login = { email: 'admin@example.com', password: OTHER_PASSWORD };
    await attempt(admin.call(AuthServiceService.login, login));
    await attempt(admin.call(AuthServiceService.login, { ...login, email: `${OTHER_PASSWORD}@example.com` }));
    const { refreshToken } = await admin.call(AuthServiceService.login, { ...login, password: ADMIN_PASSWORD });
    secrets.add(refreshToken);
    for (let time = 0; time < 2; time++) {
      const refreshing = admin.call(AuthServiceService.refreshToken, { refreshToken });
      await attempt(refreshing.then(({ refreshToken: next, accessToken }) => secrets.add(next).add(accessToken)));
    }
    const { secret } = await admin.call(
      ApiKeyServiceService.rotateApiKey,
      { name: key.name, overlap: '1h' },
      administrator,
    );
    secrets.add(secret);
    for (const presented of [secret, key.secret, `${key.secret.slice(0, -1)}_`, key.secret.slice(3)]) {
      secrets.add(presented);
      await attempt(admin.call(TokenInfoServiceService.getTokenInfo, { secret: presented }));
      await attempt(admin.call(TokenInfoServiceService.disableToken, { secret: presented }));
    }
    await attempt(
      admin.call(ApiKeyServiceService.getApiKey, { name: key.name }, { authorization: `Bearer ${key.secret}` }),
    );
    await expectNoLeak();
  });

  it('after decisions with secrets in headers, paths, routes and descriptors', async () => {
    for (const secret of secrets) {
      for (const headers of [
        { 'x-api-key': secret },
        { authorization: `Bearer ${secret}` },
        { authorization: secret, cookie: `session=${secret}`, 'x-forwarded-for': secret },
        { ':path': `/search?api_key=${secret}`, 'x-weir-account': secret, 'user-agent': secret },
      ]) {
        await attempt(check(decision, headers, { 'weir.route': secret }));
        await attempt(check(decision, headers, { 'weir.cost': secret, 'weir.require': secret }, secret));
      }
      await attempt(shouldRateLimit(decision, 'plans', ['api_key', secret], ['account', secret]));
      await attempt(shouldRateLimit(decision, secret, [secret, secret]));
      await attempt(shouldRateLimit(decision, 'shop', ['receipt', secret]));
      for (const body of [
        secret,
        `{"domain": ${secret}}`,
        `{"${secret}": 1}`,
        `{"domain":"x","descriptors":"${secret}"}`,
      ]) {
        for (const type of ['application/json', secret]) {
          const headers = { 'content-type': type };
          const response = await fetch(`http://127.0.0.1:${running.ports.json}/json`, {
            method: 'POST',
            headers,
            body,
          });
          errors.push(await response.text());
        }
      }
      await fetch(`http://127.0.0.1:${running.ports.http}/${encodeURIComponent(secret)}`).then(async (response) =>
        errors.push(await response.text()),
      );
    }
    await expectNoLeak();
  });

  it('after calls of every method with secrets in fields where they do not belong', {
    timeout: 300_000,
  }, async () => {
    const methods = await listMethodPaths();
    expect(methods.length).toBeGreaterThan(20);
    const clients = [running.ports.admin, running.ports.decision].map(
      (port) => new Client(`127.0.0.1:${port}`, credentials.createInsecure()),
    );
    const otherSession = await signIn();
    const metadata = new Metadata();
    metadata.set('authorization', otherSession.authorization ?? '');
    const send = (client: Client, method: string, message: Buffer) =>
      new Promise<void>((resolve) => {
        const asIs = (bytes: Buffer) => bytes;
        client.makeUnaryRequest(method, asIs, asIs, message, metadata, { deadline: Date.now() + 30_000 }, (error) => {
          if (error !== null) errors.push(formatError(error));
          resolve();
        });
      });
    const values = [
      key.secret,
      `{"${DATABASE_PASSWORD}": "${ADMIN_PASSWORD}", '${SIGNING_KEY_SECRET}': ${KEY_PEPPER}}`,
    ];
    const messages = values
      .map((value) => Buffer.from(value))
      .flatMap((value) => [
        value, // not protobuf
        ...range(10).map((number) => encodeField(number, value)),
        // A nested message, after the name that it needs.
        ...range(2).flatMap((outer) => range(15).map((inner) => encodeField(outer, encodeField(inner, value)))),
        ...range(2).flatMap((outer) =>
          range(6).map((inner) => encodeField(outer, encodeField(12, encodeField(inner, value)))),
        ),
      ]);
    for (const method of methods) {
      const serving = method.startsWith('/envoy') ? clients : clients.slice(0, 1);
      for (const client of serving) await Promise.all(messages.map((message) => send(client, method, message)));
    }
    for (const client of clients) client.close();
    await expectNoLeak();
  });

  it('while Postgres and Redis reject connections, and while they are down', { timeout: 300_000 }, async () => {
    administrator = await signIn();
    const database = await openDatabase({ url: postgres.url });
    const query = createQuery(database);
    // The driver reports why a statement was rejected, with the statement and its values.
    await query('alter table api_key add constraint rejected check (length(display_name) < 10) not valid', []);
    await query('alter table session add constraint rejected check (expire_time is null) not valid', []);
    const create = CreateApiKeyRequest.fromPartial({ apiKey: { displayName: KEY_PEPPER } });
    await attempt(admin.call(ApiKeyServiceService.createApiKey, create, administrator));
    await attempt(admin.call(AuthServiceService.login, { email: 'admin@example.com', password: ADMIN_PASSWORD }));
    await query('alter table session drop constraint rejected', []);
    await query(`alter role known password 'another'`, []);
    await query(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'known'`, []);
    await database.close(true);
    await attempt(admin.call(AuthServiceService.login, { email: 'admin@example.com', password: OTHER_PASSWORD }));
    const { port } = redis;
    const client = new Redis({ port, host: '127.0.0.1', password: REDIS_PASSWORD });
    await client.config('SET', 'requirepass', 'another');
    await client.call('CLIENT', 'KILL', 'TYPE', 'normal').catch(() => {}); // the connection itself among them
    client.disconnect();
    await check(decision, { 'x-api-key': key.secret });
    await expect.poll(() => running.weir.printed, { timeout: 20_000 }).toContain('WRONGPASS');
    await redis.stop();
    await postgres.stop();
    await check(decision, { 'x-api-key': key.secret });
    for (const headers of [administrator, {}]) {
      await attempt(admin.call(ApiKeyServiceService.createApiKey, create, headers));
      await attempt(admin.call(AuthServiceService.login, { email: 'admin@example.com', password: OTHER_PASSWORD }));
      await attempt(admin.call(TokenInfoServiceService.disableToken, { secret: key.secret }));
    }
    await sleep(1_500);
    await expectNoLeak();
    expect(running.weir.printed).toContain('could not read the catalog');
  });

  it('if the configuration is wrong; the error still names the fault', async () => {
    const good = createEnvironment();
    const file = path.join(folder, 'secret');
    await writeFile(file, `mysql://${OTHER_PASSWORD}@x`);
    for (const fault of [
      { DATABASE_URL: `mysql://known:${DATABASE_PASSWORD}@127.0.0.1/x` },
      { DATABASE_URL: `postgres://known:${DATABASE_PASSWORD}@127.0.0.1:99999/x` },
      { DATABASE_URL: `postgres://known:${DATABASE_PASSWORD}@[/x` },
      { DATABASE_URL_FILE: file, DATABASE_URL: '' },
      { DATABASE_URL_FILE: `/tmp/${DATABASE_PASSWORD}` },
      { KEY_PEPPER_FILE: KEY_PEPPER, KEY_PEPPER: '' },
      { REDIS_URL: `http://:${REDIS_PASSWORD}@127.0.0.1` },
      { REDIS_URL: `redis://:${REDIS_PASSWORD}@127.0.0.1:99999/x` },
      { REDIS_URL: `redis+sentinel://:${REDIS_PASSWORD}@127.0.0.1:1` },
      { REDIS_SENTINEL_PASSWORD: REDIS_PASSWORD },
      { ADMIN_EMAIL: ADMIN_PASSWORD, LOG_LEVEL: ADMIN_PASSWORD, WEIR_ROLE: ADMIN_PASSWORD },
      { DEVICE_HEADER: ` ${ADMIN_PASSWORD}`, DECISION_ADDRESS: OTHER_PASSWORD, ADMIN_ADDRESS: `${OTHER_PASSWORD}:1` },
      { REDIS_DEADLINE_MS: OTHER_PASSWORD, REDIS_TLS_CA_FILE: OTHER_PASSWORD, DECISION_TLS_KEY_FILE: OTHER_PASSWORD },
    ]) {
      const read = () => readConfig({ ...good, ...fault });
      expect(read, JSON.stringify(fault)).toThrow(InvalidConfig);
      let message = '';
      try {
        read();
      } catch (error) {
        message = (error as Error).message; // InvalidConfig, as the assertion above checked
      }
      expect(findLeaks(message), message).toEqual([]);
    }
  });

  it('if the process waits for Postgres, or exits because of a fault', { timeout: 300_000 }, async () => {
    await postgres.stop();
    const anyPort = { DECISION_ADDRESS: '127.0.0.1:0', ADMIN_ADDRESS: '127.0.0.1:0', HTTP_ADDRESS: '127.0.0.1:0' };
    const good = { ...createEnvironment(), ...anyPort };
    // Once the listener that logs it exists.
    const crash = `const timer = setInterval(() => { if (process.listenerCount('uncaughtException') === 0) return;
      clearInterval(timer); throw Object.assign(new Error('crash'), { detail: process.env.KEY_PEPPER }) }, 50)`;
    const faults: [string, number, Record<string, string>][] = [
      ['ECONNREFUSED', 0, {}],
      ['ENOTFOUND|EAI_AGAIN', 0, { DATABASE_URL: `postgres://known:${DATABASE_PASSWORD}@no-such-host.invalid/x` }],
      [
        '"message":"crash"',
        1,
        {
          DATABASE_URL: '',
          DATA_DIR: folder,
          NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(crash)}`,
        },
      ],
    ];
    const outcomes = faults.map(async ([expected, expectedCode, fault]) => {
      const weir = new WeirProcess(['serve'], { ...good, ...fault });
      await waitUntil(() => new RegExp(expected).test(weir.printed), 120_000);
      const code = await (expectedCode === 0 ? weir.stop() : weir.exited);
      return { expectedCode, code, printed: weir.printed };
    });
    for (const { expectedCode, code, printed } of await Promise.all(outcomes)) {
      expect(code, printed).toBe(expectedCode);
      expect(findLeaks(printed), printed).toEqual([]);
    }
  });
});

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

import { hash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTemporaryFolder } from '../../../provision/postgres.ts';
import { createQuery, openDatabase } from '../../../src/database/open-database.ts';
import { ApiKeyServiceService, CreateApiKeyRequest } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { check, httpStatus } from '../../support/clients/decision-calls.ts';
import { GrpcClient } from '../../support/clients/grpc-client.ts';
import { newDatabase, newEmptyDatabase } from '../../support/databases.ts';
import { ADMINISTRATOR, type Environment } from '../../support/node.ts';
import { startWeirProcess, WeirProcess } from '../../support/weir-process.ts';

const KEY_PEPPER = 'a pepper that is configured';
const SIGNING_KEY_SECRET = 'a secret of at least 32 characters';

let folder: string;
let dataDir: string;
let pepperFile: string;
beforeAll(async () => {
  folder = await createTemporaryFolder();
  dataDir = path.join(folder, 'data');
  pepperFile = path.join(dataDir, 'key-pepper');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A node in processes of its own, as the tests use it. */
class Node {
  readonly weir: WeirProcess;
  readonly #decision: GrpcClient;
  readonly #admin: GrpcClient;

  private constructor({ weir, ports }: Awaited<ReturnType<typeof startWeirProcess>>) {
    this.weir = weir;
    this.#decision = new GrpcClient(ports.decision);
    this.#admin = new GrpcClient(ports.admin);
  }

  static async start(environment: Environment = {}): Promise<Node> {
    const { email, password } = ADMINISTRATOR;
    const defaults = { DATA_DIR: dataDir, ADMIN_EMAIL: email, ADMIN_PASSWORD: password, LOG_LEVEL: 'trace' };
    const node = new Node(await startWeirProcess({ ...defaults, ...environment }));
    started.push(node);
    return node;
  }

  async createKey(): Promise<string> {
    const { accessToken } = await this.#admin.call(AuthServiceService.login, ADMINISTRATOR);
    const request = CreateApiKeyRequest.fromPartial({ apiKey: { displayName: 'test', plan: 'plans/free' } });
    const headers = { authorization: `Bearer ${accessToken}` };
    return (await this.#admin.call(ApiKeyServiceService.createApiKey, request, headers)).secret;
  }

  async check(key: string): Promise<number | undefined> {
    return httpStatus(await check(this.#decision, { 'x-api-key': key }));
  }

  /** Runs a statement in the embedded Postgres. */
  async query(sql: string, parameters: readonly unknown[]) {
    const [, port] = /"port":(\d+),"folder"/.exec(this.weir.printed) ?? [];
    const password = readFileSync(path.join(dataDir, 'postgres', 'password'), 'utf8').trim();
    const database = await openDatabase({ url: `postgres://weir:${password}@127.0.0.1:${port}/postgres` });
    try {
      return await createQuery(database)(sql, parameters);
    } finally {
      await database.close(true);
    }
  }

  async hasDigest(digest: string): Promise<boolean> {
    return (await this.query(`select from api_key where digest = decode(?, 'hex')`, [digest])).length === 1;
  }

  /** Lines of the log about secrets that have this level. */
  logLines(level: string): readonly string[] {
    const isAboutSecrets = (line: string) => line.includes(`"level":"${level}"`) && /pepper/i.test(line);
    return this.weir.printed.split('\n').filter(isAboutSecrets);
  }

  async stop(): Promise<void> {
    this.#decision.close();
    this.#admin.close();
    await this.weir.stop();
  }
}

const started: Node[] = [];
afterEach(async () => {
  for (const node of started.splice(0)) await node.stop();
});

const digest = (pepper: string, key: string) => hash('sha256', pepper + key);
const readPepper = () => readFileSync(pepperFile, 'utf8').split('\n')[0] ?? '';
const readSigningKeySecret = () => readFileSync(path.join(dataDir, 'signing-key-secret'), 'utf8').trim();

/** The command lines of a node's processes. */
function readCommandLines({ weir }: Node): string {
  return [weir.pid, weir.decisionPid].map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8')).join('\n');
}

describe('a node with the embedded Postgres and without KEY_PEPPER', () => {
  let first: string;
  let unpeppered: string;
  let second: string;

  it('generates a pepper for a new database, which only its user can read and no log or command line shows', async () => {
    const node = await Node.start();
    first = await node.createKey();
    expect(await node.check(first)).toBe(200);
    expect((await stat(pepperFile)).mode & 0o777).toBe(0o600);
    expect(readPepper()).toMatch(/^[0-9a-f]{64}$/);
    expect(await node.hasDigest(digest(readPepper(), first))).toBe(true);
    expect(node.logLines('info')).toEqual([expect.stringContaining('created a pepper for API keys')]);
    for (const secret of [readPepper(), readSigningKeySecret()]) {
      expect(node.weir.printed).not.toContain(secret);
      expect(readCommandLines(node)).not.toContain(secret);
    }
  });

  it('accepts its keys after a restart', async () => {
    const node = await Node.start();
    expect(await node.check(first)).toBe(200);
    expect(node.logLines('warn')).toEqual([]);
    expect(node.logLines('info')).toEqual([]);
    // As it was before Weir generated peppers.
    unpeppered = await node.createKey();
    const digests = [digest('', unpeppered), digest(readPepper(), unpeppered)];
    await node.query(`update api_key set digest = decode(?, 'hex') where digest = decode(?, 'hex')`, digests);
    expect(await node.hasDigest(digest('', unpeppered))).toBe(true);
  });

  it('keeps the keys of a database that is older than its pepper, now and after a restart', async () => {
    await rm(pepperFile);
    const upgraded = await Node.start();
    expect(await upgraded.check(unpeppered)).toBe(200);
    expect(await upgraded.check(first)).toBe(401); // the pepper of this key is lost
    expect(upgraded.logLines('warn')).toEqual([expect.stringContaining('keys without a pepper still work')]);
    second = await upgraded.createKey();
    expect(await upgraded.hasDigest(digest(readPepper(), second))).toBe(true);
    await upgraded.stop();
    const restarted = await Node.start();
    for (const key of [unpeppered, second]) expect(await restarted.check(key)).toBe(200);
    expect(restarted.logLines('warn')).toEqual([]);
  });

  it('keeps the keys when KEY_PEPPER is set later', async () => {
    const node = await Node.start({ KEY_PEPPER });
    const newest = await node.createKey();
    expect(await node.hasDigest(digest(KEY_PEPPER, newest))).toBe(true);
    for (const key of [unpeppered, second, newest]) expect(await node.check(key)).toBe(200);
  });
});

describe('a node with DATABASE_URL and without secrets', () => {
  it('warns once, in one line, and creates keys without a pepper', async () => {
    const environment = { DATABASE_URL: await newDatabase(), DATA_DIR: path.join(folder, 'shared') };
    const node = await Node.start(environment);
    const [warning = '{}', ...others] = node.logLines('warn');
    expect(others).toEqual([]);
    expect(JSON.parse(warning)).toMatchObject({ variables: ['KEY_PEPPER', 'SIGNING_KEY_SECRET'] });
    const key = await node.createKey();
    expect(await node.check(key)).toBe(200);
    expect(existsSync(path.join(environment.DATA_DIR, 'key-pepper'))).toBe(false);
    await node.stop();
    const following = await Node.start({ ...environment, WEIR_ROLE: 'decision', REDIS_URL: 'redis://127.0.0.1:1' });
    expect(await following.check(key)).not.toBe(401);
    expect(following.logLines('warn')).toEqual([expect.stringContaining('"variables":["KEY_PEPPER"]')]);
  });
});

describe('REQUIRE_SECRETS', () => {
  const required = { REQUIRE_SECRETS: 'true', DATABASE_URL: 'postgres://127.0.0.1:1/weir' };

  it.each([
    ['all', ['KEY_PEPPER', 'SIGNING_KEY_SECRET']],
    ['admin', ['KEY_PEPPER', 'SIGNING_KEY_SECRET']],
    ['decision', ['KEY_PEPPER']],
  ])('ends the start of the role %s with 78, and names all faults', async (WEIR_ROLE, secrets) => {
    const weir = new WeirProcess(['serve'], { ...required, WEIR_ROLE, REDIS_URL: 'nowhere' });
    expect(await weir.exited).toBe(78);
    const names = weir.printed
      .trim()
      .split('\n')
      .map((line) => line.split(':')[0]);
    expect(names.toSorted()).toEqual([...secrets, 'REDIS_URL'].toSorted());
  });

  it('has no effect where the secrets are set, and on commands', async () => {
    const DATABASE_URL = await newEmptyDatabase();
    const migrate = new WeirProcess(['migrate', 'up'], { ...required, DATABASE_URL });
    expect(await migrate.exited).toBe(0);
    expect(migrate.printed).not.toContain('KEY_PEPPER');
    const node = await Node.start({ ...required, DATABASE_URL, KEY_PEPPER, SIGNING_KEY_SECRET });
    expect(node.logLines('warn')).toEqual([]);
    expect(node.weir.printed).not.toContain(KEY_PEPPER);
  });
});

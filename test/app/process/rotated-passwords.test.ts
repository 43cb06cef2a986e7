import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningPostgres, startPostgres } from '../../../provision/postgres.ts';
import { type RunningRedis, startRedis } from '../../../provision/redis.ts';
import { openConnection } from '../../../src/database/open-connection.ts';
import { RateLimitResponse_Code } from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { check, httpStatus, shouldRateLimit } from '../../support/clients/decision-calls.ts';
import type { Headers } from '../../support/clients/grpc-client.ts';
import { TestNode } from '../../support/node.ts';
import { waitUntil } from '../../support/wait-until.ts';

/*
 * A node whose URLs of Postgres and Redis are files. Its passwords are replaced while it decides and answers calls of the
 * admin API.
 */

const DOMAIN = 'rotation';
/** The control part of a node has a login of its own, and so has the part that decides. */
const LOGINS_OF_POSTGRES = 2;
const RULES = `domain: ${DOMAIN}
descriptors:
  - { key: plenty, rate_limit: { requests: 1000000, window: 1h } }
`;

let folder: string;
let postgres: RunningPostgres;
let redis: RunningRedis;
let redisAdmin: Redis;
let databaseUrl: URL;
let node: TestNode;
let headers: Headers;
const lines: string[] = [];

/** Replaces a file in one step. */
async function replaceFile(name: string, content: string): Promise<void> {
  await writeFile(path.join(folder, `${name}.next`), content);
  await rename(path.join(folder, `${name}.next`), path.join(folder, name));
}

const formRedisUrl = (password: string) => `redis://weir:${password}@127.0.0.1:${redis.port}`;

function formDatabaseUrl(password: string): string {
  const url = new URL(databaseUrl);
  url.password = password;
  return url.href;
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-rotation-'));
  [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  databaseUrl = new URL(await postgres.createDatabase());
  redisAdmin = new Redis(redis.url);
  await redisAdmin.call('ACL', 'SETUSER', 'weir', 'on', '>former-horse', '~weir:*', '+@all');
  await replaceFile('database', databaseUrl.href);
  await replaceFile('redis', formRedisUrl('former-horse'));
  await replaceFile('rules.yaml', RULES);
  const record = (fields: object, message: string) => void lines.push(`${message} ${JSON.stringify(fields)}`);
  node = await TestNode.start(
    {
      DATABASE_URL_FILE: path.join(folder, 'database'),
      REDIS_URL_FILE: path.join(folder, 'redis'),
      RULES_PATH: path.join(folder, 'rules.yaml'),
    },
    { info: record, warn: record, error: record },
  );
  headers = await node.signIn();
});
afterAll(async () => {
  await node?.stop();
  redisAdmin?.disconnect();
  await Promise.all([postgres?.stop(), redis?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

/** Decides until it is stopped. Rejects with the first decision that is not granted. */
function keepDeciding(): { stop(): Promise<number> } {
  let isStopping = false;
  const run = async (): Promise<number> => {
    let count = 0;
    for (; !isStopping; count++) {
      const { overallCode } = await shouldRateLimit(node.decision, DOMAIN, ['plenty', `${count % 50}`]);
      if (overallCode !== RateLimitResponse_Code.OK) throw new Error(`decision ${count} was not granted`);
      await sleep(5);
    }
    return count;
  };
  const running = run();
  running.catch(() => {}); // stop() reports it
  return {
    stop() {
      isStopping = true;
      return running;
    },
  };
}

/** Creates an API key, and waits until a decision accepts it: the change feed works. */
async function createUsableKey(): Promise<void> {
  const { secret } = await node.createKey(headers, 'free');
  await waitUntil(async () => httpStatus(await check(node.decision, { 'x-api-key': secret })) === 200);
}

const countChanges = (variable: string) =>
  lines.filter((line) => line.startsWith('the login in a secret file has changed') && line.includes(variable)).length;

/** Without autovacuum, which only superusers may end. */
const OTHERS = `from pg_stat_activity where datname = current_database() and backend_type = 'client backend'
  and pid <> pg_backend_pid() and backend_start < ?`;

/** Ends all connections of the node to Postgres, and waits for it. Returns how many there were. */
async function terminateConnections(password: string): Promise<number> {
  const { query, close } = openConnection({ url: formDatabaseUrl(password), timeoutMs: 10_000 });
  const [{ now }] = (await query('select now()', [])) as [{ readonly now: Date }];
  const ended = await query(`select pg_terminate_backend(pid) ${OTHERS}`, [now]);
  await waitUntil(async () => (await query(`select pid ${OTHERS}`, [now])).length === 0);
  await close();
  return ended.length;
}

describe('a node whose passwords are files', () => {
  it('follows a changed password of Postgres, which the file may have before Postgres does', async () => {
    await createUsableKey();
    const deciding = keepDeciding();
    await replaceFile('database', formDatabaseUrl('newer-horse'));
    await waitUntil(() => countChanges('DATABASE_URL_FILE') === LOGINS_OF_POSTGRES);
    expect(await terminateConnections(databaseUrl.password)).toBeGreaterThan(2);
    await createUsableKey();
    expect(lines.join('\n')).toContain('Postgres refuses the changed password');

    const owner = openConnection({ url: databaseUrl.href, timeoutMs: 10_000 });
    await owner.query(`alter role ${databaseUrl.username} password 'newer-horse'`, []);
    await owner.close();
    await createUsableKey();
    expect(await terminateConnections('newer-horse')).toBeGreaterThan(2);
    await createUsableKey();
    expect(lines.join('\n')).toContain('Postgres accepts the changed password');
    expect(await deciding.stop()).toBeGreaterThan(10);
    expect(lines.join('\n')).not.toMatch(/horse|password authentication failed/);
  });

  it('follows a changed password of Redis', async () => {
    const deciding = keepDeciding();
    await redisAdmin.call('ACL', 'SETUSER', 'weir', '>newer-horse');
    await replaceFile('redis', formRedisUrl('newer-horse'));
    await waitUntil(() => countChanges('REDIS_URL_FILE') === 1);
    await redisAdmin.call('ACL', 'SETUSER', 'weir', '<former-horse');
    await createUsableKey();
    expect(await redisAdmin.call('CLIENT', 'KILL', 'USER', 'weir')).toBe(1);
    await waitUntil(async () => String(await redisAdmin.client('LIST')).includes('user=weir '));
    await createUsableKey();
    expect(await deciding.stop()).toBeGreaterThan(10);
    expect(lines.join('\n')).not.toMatch(/horse|WRONGPASS/);
  });
});

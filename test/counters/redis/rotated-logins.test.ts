import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startRedis } from '../../../provision/redis.ts';
import { startRedisCluster } from '../../../provision/redis-cluster.ts';
import { startRedisSentinels } from '../../../provision/redis-sentinel.ts';
import { RedisStore } from '../../../src/counters/redis/redis-store.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { makeCharge, makeLimit } from '../model/builders.ts';
import { decideAll, isAnswering } from './open-test-store.ts';

const [FORMER, NEWER] = ['former-horse', 'newer-horse'];
const ALLOWED = ['~weir:*', '+@all'];
const CHANGED = 'the login in a secret file has changed; new connections use it';
const UNUSABLE = 'a secret file has changed and cannot be used; keeping the last login';
/** On different masters of a cluster, as there are enough of them. */
const charges = Array.from({ length: 40 }, (_, index) => ({
  charges: [makeCharge(`key ${index}`, makeLimit(1000, '1h'))],
}));

let file: string;
const closing: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'weir-logins-'));
  closing.push(() => rm(folder, { recursive: true }));
  file = path.join(folder, 'secret');
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function connect(port: number, password?: string): Redis {
  const client = new Redis({ port, host: '127.0.0.1', ...(password !== undefined && { password }) });
  closing.push(async () => client.disconnect());
  return client;
}

/** Opens a store whose URL, or password of the Sentinels, is in the file. Its log has the message, then the fields. */
function openStore(url: string, sentinel?: { readonly username: string; readonly password: string }) {
  const log: string[] = [];
  const record = (fields: object, message: string) => void log.push(`${message} ${JSON.stringify(fields)}`);
  const store = new RedisStore({
    url,
    access:
      sentinel === undefined
        ? { tls: {}, urlFile: file, sentinel: {} }
        : { tls: {}, sentinel: { ...sentinel, passwordFile: file } },
    deadlineMs: 2000,
    logger: { info: record, warn: record },
  });
  closing.push(() => store.close());
  return { store, log };
}

const isSignedIn = async (client: Redis) => /user=weir(er)? /.test(String(await client.client('LIST')));

describe('a store whose Redis URL comes from a file', () => {
  it('goes on when the password is replaced in the server and the file, and the connection is killed', async () => {
    const { port } = await startServer();
    const admin = connect(port);
    await admin.call('ACL', 'SETUSER', 'weir', 'on', `>${FORMER}`, ...ALLOWED);
    const formUrl = (password: string) => `redis://weir:${password}@127.0.0.1:${port}`;
    await writeFile(file, `${formUrl(FORMER)}\n`);
    const { store, log } = openStore(formUrl(FORMER));
    await waitUntil(() => isAnswering(store, charges));

    await admin.call('ACL', 'SETUSER', 'weir', `>${NEWER}`);
    await writeFile(file, `${formUrl(NEWER)}\n`);
    await waitUntil(() => log.includes(`${CHANGED} {"variable":"REDIS_URL_FILE"}`));
    await admin.call('ACL', 'SETUSER', 'weir', `<${FORMER}`);
    // The open connection stays signed in.
    expect((await decideAll(store, charges)).every(({ granted }) => granted)).toBe(true);

    expect(await admin.call('CLIENT', 'KILL', 'USER', 'weir')).toBe(1);
    await waitUntil(async () => (await isSignedIn(admin)) && (await isAnswering(store, charges)));
    expect(log.join()).not.toMatch(/WRONGPASS|horse/);
  });

  it('takes a changed user, too', async () => {
    const { port } = await startServer();
    const admin = connect(port);
    for (const user of ['weir', 'weirer']) await admin.call('ACL', 'SETUSER', user, 'on', `>${user}-horse`, ...ALLOWED);
    const formUrl = (user: string) => `redis://${user}:${user}-horse@127.0.0.1:${port}`;
    await writeFile(file, formUrl('weir'));
    const { store } = openStore(formUrl('weir'));
    await waitUntil(() => isAnswering(store, charges));
    await writeFile(file, formUrl('weirer'));
    await admin.call('ACL', 'DELUSER', 'weir'); // closes its connections
    await waitUntil(() => isAnswering(store, charges));
    expect(await admin.client('LIST')).toContain('user=weirer ');
  });

  it.each([
    ['is empty', '', 'must not be empty'],
    [
      'is cut off',
      `redis://weir:${NEWER}@127`,
      'must differ in user and password only; a restart applies other changes',
    ],
    ['is cut off in the password', 'redis://weir:newer', 'must name hosts as host[:port] or [IPv6]:port'],
    ['names another server', `redis://weir:${NEWER}@127.0.0.1:1`, 'must differ in user and password only'],
    ['names another database', 'the database', 'must differ in user and password only'],
  ])('keeps the last login while the file %s', async (_, content, reason) => {
    const { port } = await startServer();
    const admin = connect(port);
    await admin.call('ACL', 'SETUSER', 'weir', 'on', `>${FORMER}`, ...ALLOWED);
    const url = `redis://weir:${FORMER}@127.0.0.1:${port}`;
    await writeFile(file, url);
    const { store, log } = openStore(url);
    await waitUntil(() => isAnswering(store, charges));
    await writeFile(file, content === 'the database' ? `redis://weir:${NEWER}@127.0.0.1:${port}/1` : content);
    await waitUntil(() => log.some((line) => line.startsWith(UNUSABLE) && line.includes(reason)));
    await admin.call('CLIENT', 'KILL', 'USER', 'weir');
    await waitUntil(async () => (await isSignedIn(admin)) && (await isAnswering(store, charges)));
    expect(log.filter((line) => line.startsWith(UNUSABLE))).toHaveLength(1);
    expect(log.join()).not.toMatch(/WRONGPASS|horse/);
  });

  it('signs in to all masters of a cluster, and to the nodes that it asks for the slots', async () => {
    const cluster = await startRedisCluster({ masters: 2 });
    closing.push(cluster.stop);
    const clients = cluster.masters.map(({ client }) => client);
    const callAll = (...args: readonly string[]) => Promise.all(clients.map((client) => client.call('ACL', ...args)));
    await callAll('SETUSER', 'weir', 'on', `>${FORMER}`, ...ALLOWED);
    const formUrl = (password: string) => cluster.url.replace('://', `://weir:${password}@`);
    await writeFile(file, formUrl(FORMER));
    const { store, log } = openStore(formUrl(FORMER));
    await waitUntil(() => isAnswering(store, charges));
    await callAll('SETUSER', 'weir', `>${NEWER}`);
    await writeFile(file, formUrl(NEWER));
    await callAll('SETUSER', 'weir', `<${FORMER}`);
    for (const client of clients) await client.call('CLIENT', 'KILL', 'USER', 'weir');
    await waitUntil(async () => (await Promise.all(clients.map(isSignedIn))).every(Boolean));
    await waitUntil(() => isAnswering(store, charges));
    expect(log.join()).not.toMatch(/WRONGPASS|horse|cannot learn/);
  });
});

describe('a store whose password of the Sentinels comes from a file', () => {
  it('signs in to the Sentinels with the replaced one', async () => {
    const sentinels = await startRedisSentinels({ sentinelConfiguration: [`user weir on >${FORMER} +@all`] });
    closing.push(sentinels.stop);
    const ports = Array.from(sentinels.url.matchAll(/:(\d+)/g), ([, port]) => Number(port));
    const clients = ports.map((port) => connect(port));
    await writeFile(file, FORMER);
    const { store, log } = openStore(sentinels.url, { username: 'weir', password: FORMER });
    await waitUntil(() => isAnswering(store, charges));
    await writeFile(file, `${NEWER}\n`);
    for (const client of clients) {
      await client.call('ACL', 'SETUSER', 'weir', 'resetpass', `>${NEWER}`);
      await client.call('CLIENT', 'KILL', 'USER', 'weir');
    }
    await waitUntil(async () => (await Promise.all(clients.map(isSignedIn))).every(Boolean));
    expect(log).toContain(`${CHANGED} {"variable":"REDIS_SENTINEL_PASSWORD_FILE"}`);
    expect(log.join()).not.toMatch(/WRONGPASS|horse/);
  });
});

async function startServer() {
  const redis = await startRedis();
  closing.push(redis.stop);
  return redis;
}

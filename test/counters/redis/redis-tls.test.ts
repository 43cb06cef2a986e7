import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Certificates, makeCertificates, tlsOptions } from '../../../provision/certificates.ts';
import { startRedisProcess } from '../../../provision/redis.ts';
import { startRedisCluster } from '../../../provision/redis-cluster.ts';
import { startRedisSentinels } from '../../../provision/redis-sentinel.ts';
import { freePort } from '../../../provision/free-port.ts';
import { makeCharge, makeLimit } from '../model/traces.ts';
import { decided, type OpenedStore, openStore } from './opened-stores.ts';
import { becomesTrue } from './waiting.ts';

const one = { charges: [makeCharge('key', makeLimit(50, '1h'))] };

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

let ours: Certificates;
let others: Certificates;
beforeAll(async () => {
  [ours, others] = await Promise.all([makeCertificates(), makeCertificates()]);
});
afterAll(() => Promise.all([ours.remove(), others.remove()]));

async function serve(): Promise<string> {
  const port = await freePort();
  const redis = await startRedisProcess({ options: tlsOptions(port, ours) });
  closing.push(redis.stop);
  return `rediss://localhost:${port}`;
}

function open(url: string, tls: Partial<Omit<Certificates, 'remove'>>): OpenedStore {
  const opened = openStore({ url, access: { tls, sentinel: {} } });
  closing.push(() => opened.store.close());
  return opened;
}

// The Valkey that PyPI has was built without TLS.
describe.skipIf(process.env.REDIS_SERVER === 'valkey')('counters in Redis by TLS', () => {
  it('are reached with the authority’s file and a certificate for servers that ask for one', async () => {
    const { caFile, certFile, keyFile } = ours;
    const { store } = open(await serve(), { caFile, certFile, keyFile });
    await becomesTrue(() => store.ready);
    expect((await decided(store, [one]))[0]?.granted).toBe(true);
  });

  it.each([
    ['a server that an unknown authority signed', () => ({ ...ours, caFile: others.caFile }), /certificate/],
    ['a server when the system alone says whom to trust', () => ({ ...ours, caFile: undefined }), /certificate/],
    [
      'a server that asks for a certificate, without one',
      () => ({ caFile: ours.caFile }),
      /certificate required|ECONNRESET|EPIPE/,
    ],
  ])('are not asked of %s, and the log says why', async (_, access, reason) => {
    const { caFile, certFile, keyFile } = { ...access() } as Partial<Certificates>;
    const files = { ...(caFile && { caFile }), ...(certFile && { certFile }), ...(keyFile && { keyFile }) };
    const { store, log } = open(await serve(), files);
    await becomesTrue(() => log.length > 0);
    expect(log[0]).toMatch(reason);
    expect(store.ready).toBe(false);
  });

  it('are reached in a cluster, all nodes by TLS', async () => {
    const cluster = await startRedisCluster({ masters: 1, certificates: ours });
    closing.push(cluster.stop);
    const { caFile, certFile, keyFile } = ours;
    const { store, log } = open(cluster.url, { caFile, certFile, keyFile });
    await becomesTrue(() => store.ready);
    expect((await decided(store, [one]))[0]?.granted).toBe(true);
    expect(log).toEqual([]);
  });

  it('are reached through Sentinels, which are asked by TLS, too', async () => {
    const sentinels = await startRedisSentinels({ certificates: ours });
    closing.push(sentinels.stop);
    const { caFile, certFile, keyFile } = ours;
    const { store, log } = open(sentinels.url, { caFile, certFile, keyFile });
    await becomesTrue(() => store.ready);
    expect((await decided(store, [one]))[0]?.granted).toBe(true);
    expect(log).toEqual([]);
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Certificates, createCertificates, redisTlsOptions } from '../../../provision/certificates.ts';
import { findFreePort } from '../../../provision/free-port.ts';
import { startRedisProcess } from '../../../provision/redis.ts';
import { startRedisCluster } from '../../../provision/redis-cluster.ts';
import { startRedisSentinels } from '../../../provision/redis-sentinel.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { makeCharge, makeLimit } from '../model/builders.ts';
import { decideAll, type OpenedStore, openStore } from './open-test-store.ts';

const one = { charges: [makeCharge('key', makeLimit(50, '1h'))] };

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

let ours: Certificates;
let others: Certificates;
/** Certificates for another host, and expired ones. Each has an authority of its own. */
let otherHost: Certificates;
let expired: Certificates;
beforeAll(async () => {
  [ours, others, otherHost, expired] = await Promise.all([
    createCertificates(),
    createCertificates(),
    createCertificates({ names: 'DNS:other.example' }),
    createCertificates({ days: -1 }),
  ]);
});
afterAll(() => Promise.all([ours, others, otherHost, expired].map((certificates) => certificates.remove())));

async function serve(certificates = ours): Promise<string> {
  const port = await findFreePort();
  const redis = await startRedisProcess({ extraArguments: redisTlsOptions(port, certificates) });
  closing.push(redis.stop);
  return `rediss://localhost:${port}`;
}

function open(url: string, tls: Partial<Omit<Certificates, 'remove'>>): OpenedStore {
  const opened = openStore({ url, access: { tls, sentinel: {} } });
  closing.push(() => opened.store.close());
  return opened;
}

// The Valkey on PyPI was built without TLS.
describe.skipIf(process.env.REDIS_SERVER === 'valkey')('a Redis store over TLS', () => {
  it('connects with the file of the authority, and with a certificate to servers that require one', async () => {
    const { caFile, certFile, keyFile } = ours;
    const { store } = open(await serve(), { caFile, certFile, keyFile });
    await waitUntil(() => store.ready);
    expect((await decideAll(store, [one]))[0]?.granted).toBe(true);
  });

  it.each([
    ['a server that an unknown authority signed', () => ({ ...ours, caFile: others.caFile }), /certificate/],
    ['a server that the authorities of the system do not know', () => ({ ...ours, caFile: undefined }), /certificate/],
    [
      'a server that requires a certificate, without one',
      () => ({ caFile: ours.caFile }),
      /certificate required|ECONNRESET|EPIPE/,
    ],
  ])('does not connect to %s, and logs why', async (_, access, reason) => {
    const { caFile, certFile, keyFile } = { ...access() } as Partial<Certificates>;
    const files = { ...(caFile && { caFile }), ...(certFile && { certFile }), ...(keyFile && { keyFile }) };
    const { store, log } = open(await serve(), files);
    await waitUntil(() => log.length > 0);
    expect(log[0]).toMatch(reason);
    expect(store.ready).toBe(false);
  });

  it('does not connect to a server whose certificate has another name or has expired, and logs why', async () => {
    for (const [certificates, reason] of [
      [otherHost, /does not match certificate/],
      [expired, /expired/],
    ] as const) {
      const { caFile, certFile, keyFile } = certificates;
      for (const host of ['localhost', '127.0.0.1']) {
        const url = (await serve(certificates)).replace('localhost', host);
        const { store, log } = open(url, { caFile, certFile, keyFile });
        await waitUntil(() => log.length > 0);
        expect(log[0]).toMatch(reason);
        expect(store.ready).toBe(false);
      }
    }
  });

  it('connects to all nodes of a cluster over TLS', async () => {
    const cluster = await startRedisCluster({ masters: 1, certificates: ours });
    closing.push(cluster.stop);
    const { caFile, certFile, keyFile } = ours;
    const { store, log } = open(cluster.url, { caFile, certFile, keyFile });
    await waitUntil(() => store.ready);
    expect((await decideAll(store, [one]))[0]?.granted).toBe(true);
    expect(log).toEqual([]);
  });

  it('connects over TLS to Sentinels and to the server that they name', async () => {
    const sentinels = await startRedisSentinels({ certificates: ours });
    closing.push(sentinels.stop);
    const { caFile, certFile, keyFile } = ours;
    const { store, log } = open(sentinels.url, { caFile, certFile, keyFile });
    await waitUntil(() => store.ready);
    expect((await decideAll(store, [one]))[0]?.granted).toBe(true);
    expect(log).toEqual([]);
  });
});

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { RedisStore } from '../../../src/counters/redis/redis-store.ts';
import { StoreUnavailable } from '../../../src/decide/ports.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { silentLogger } from '../contract/clocked-stores.ts';
import { makeCharge, makeLimit } from '../model/builders.ts';
import { closeAfterEachTest, closeAfterTest, startServer } from './open-test-counters.ts';
import { decideAll, openAnsweringStore } from './open-test-store.ts';

closeAfterEachTest();

/** Forwards a port to Redis. Replies take `delay.ms` longer. */
async function delayReplies(target: number, delay: { readonly ms: number }): Promise<number> {
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    client.pipe(upstream);
    upstream.on('data', (data) => setTimeout(() => client.write(data), delay.ms));
    for (const socket of [client, upstream]) socket.on('error', () => undefined);
    upstream.on('close', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closeAfterTest(async () => void server.close());
  return (server.address() as AddressInfo).port; // a server that listens on TCP has such an address
}

it('what a reply after the deadline granted is refunded, because its caller heard that the store is unavailable', async () => {
  const redis = await startServer();
  const delay = { ms: 0 };
  const port = await delayReplies(redis.port, delay);
  const late = new RedisStore({ url: `redis://127.0.0.1:${port}`, deadlineMs: 300, logger: silentLogger });
  closeAfterTest(() => late.close());
  await waitUntil(() => late.ready);
  const [subject, limit] = [randomUUID(), makeLimit(10, '1h')];
  const peek = { charges: [makeCharge(subject, limit, 0)] };
  const { store } = await openAnsweringStore(redis, [peek]);
  closeAfterTest(() => store.close());
  const readRemaining = async () => (await decideAll(store, [peek]))[0]?.charges[0]?.remaining;

  delay.ms = 600;
  const results = late.decide([{ charges: [makeCharge(subject, limit, 3)] }], undefined);
  await waitUntil(async () => (await readRemaining()) === 7);
  expect((await results)[0]).toBeInstanceOf(StoreUnavailable);
  await waitUntil(async () => (await readRemaining()) === 10);
});

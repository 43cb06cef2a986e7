import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import type { RunningRedis } from '../../../provision/redis.ts';
import { type RunningSentinels, startRedisSentinels } from '../../../provision/redis-sentinel.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { makeCharge, makeLimit } from '../model/builders.ts';
import { countGranted, decideAll, isAnswering, openAnsweringStore, openStore } from './open-test-store.ts';

const PASSWORD = 'correct-horse';
/** The commands that docs/redis.md lists. */
const SENTINEL_COMMANDS = ['+sentinel|get-master-addr-by-name', '+sentinel|master'];
const one = { charges: [makeCharge('key', makeLimit(50, '1h'))] };
const peek = { charges: [makeCharge('key', makeLimit(50, '1h'), 0)] };

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(options: Parameters<typeof startRedisSentinels>[0] = {}): Promise<RunningSentinels> {
  const sentinels = await startRedisSentinels(options);
  closing.push(sentinels.stop);
  return sentinels;
}

async function isMaster({ url }: RunningRedis): Promise<boolean> {
  const client = new Redis(url);
  client.on('error', () => undefined); // the call rejects, too
  return client
    .call('ROLE')
    .then((role) => String(role).startsWith('master'))
    .finally(() => client.disconnect());
}

function signal({ pid }: RunningRedis, name: 'SIGKILL' | 'SIGSTOP'): void {
  if (pid === undefined) throw new Error('the server has no process');
  process.kill(pid, name);
}

describe('a store that finds its server through Sentinels', () => {
  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    'counts exactly, and is back after %s of the master and the promotion of its replica',
    async (kill) => {
      const sentinels = await start();
      const nodes = await Promise.all([1, 2, 3].map(() => openAnsweringStore({ url: sentinels.url }, [peek])));
      for (const { store } of nodes) closing.push(() => store.close());
      const asked = await Promise.all(nodes.map(({ store }) => decideAll(store, Array(30).fill(one))));
      expect(asked.map(countGranted).reduce((sum, each) => sum + each)).toBe(50);

      signal(sentinels.master, kill);
      const [node] = nodes;
      if (node === undefined) throw new Error('the test needs a node');
      await waitUntil(async () => !(await isAnswering(node.store, [peek])));
      await waitUntil(() => isMaster(sentinels.replica));
      await waitUntil(() => isAnswering(node.store, [peek]));
      // The replica has not lost its copy of the counters.
      expect((await decideAll(node.store, [one]))[0]?.granted).toBe(false);
    },
  );

  it('accepts one user for the servers, and another for the Sentinels that may only ask for the master', async () => {
    const user = `user asker on >sentinels-horse -@all ${SENTINEL_COMMANDS.join(' ')}`;
    const { url } = await start({
      serverArguments: ['--requirepass', PASSWORD, '--masterauth', PASSWORD],
      sentinelConfiguration: [`sentinel auth-pass counters ${PASSWORD}`, 'requirepass default-horse', user],
    });
    const refused = openStore({ url });
    closing.push(() => refused.store.close());
    await waitUntil(() => refused.log.join().includes('NOAUTH'));
    const access = { tls: {}, sentinel: { username: 'asker', password: 'sentinels-horse' } };
    const { store, log } = await openAnsweringStore({ url: url.replace('://', `://:${PASSWORD}@`), access }, [peek]);
    closing.push(() => store.close());
    expect((await decideAll(store, [one]))[0]?.granted).toBe(true);
    expect(`${refused.log}${log}`).not.toContain('horse');
  });

  it('logs the fault of each Sentinel', async () => {
    const { store, log } = openStore({ url: 'redis+sentinel://127.0.0.1:1,127.0.0.1:2/counters' });
    closing.push(() => store.close());
    await waitUntil(() => log.some((line) => line.includes('ECONNREFUSED')));
    expect(log.at(-1)).toMatch(/cannot learn who.*127.0.0.1:1: .*ECONNREFUSED.*127.0.0.1:2: .*ECONNREFUSED/);
    expect(store.ready).toBe(false);
  });
});

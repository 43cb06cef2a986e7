import { Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import type { RunningRedis } from '../../../provision/redis.ts';
import { type RunningSentinels, startRedisSentinels } from '../../../provision/redis-sentinel.ts';
import { makeCharge, makeLimit } from '../model/traces.ts';
import { answers, decided, granted, openStore, openStoreThatAnswers } from './opened-stores.ts';
import { becomesTrue } from './waiting.ts';

const PASSWORD = 'correct-horse';
/** As docs/redis.md lists them. */
const SENTINEL_COMMANDS = ['+sentinel|get-master-addr-by-name', '+sentinel|master'];
const one = { charges: [makeCharge('key', makeLimit(50, '1h'))] };
const look = { charges: [makeCharge('key', makeLimit(50, '1h'), 0)] };

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
  client.on('error', () => undefined); // the call is rejected, too
  return client
    .call('ROLE')
    .then((role) => String(role).startsWith('master'))
    .finally(() => client.disconnect());
}

function signal({ pid }: RunningRedis, name: 'SIGKILL' | 'SIGSTOP'): void {
  if (pid === undefined) throw new Error('the server has no process');
  process.kill(pid, name);
}

describe('counters in the master that Sentinels name', () => {
  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    'are exact, and there again within 2 s of the promotion of the replica after %s of the master',
    async (kill) => {
      const sentinels = await start();
      const nodes = await Promise.all([1, 2, 3].map(() => openStoreThatAnswers({ url: sentinels.url }, [look])));
      for (const { store } of nodes) closing.push(() => store.close());
      const asked = await Promise.all(nodes.map(({ store }) => decided(store, Array(30).fill(one))));
      expect(asked.map(granted).reduce((sum, each) => sum + each)).toBe(50);

      signal(sentinels.master, kill);
      const [node] = nodes;
      if (node === undefined) throw new Error('no node');
      await becomesTrue(async () => !(await answers(node.store, [look])));
      await becomesTrue(() => isMaster(sentinels.replica));
      const promotedAt = performance.now();
      await becomesTrue(() => answers(node.store, [look]));
      expect(performance.now() - promotedAt).toBeLessThan(2000);
      expect((await decided(node.store, [one]))[0]?.granted).toBe(false); // what the replica had been told is not lost
    },
  );

  it('are found by a user of the servers and another one of the Sentinels, who may ask for the master alone', async () => {
    const user = `user asker on >sentinels-horse -@all ${SENTINEL_COMMANDS.join(' ')}`;
    const { url } = await start({
      options: ['--requirepass', PASSWORD, '--masterauth', PASSWORD],
      sentinelLines: [`sentinel auth-pass counters ${PASSWORD}`, 'requirepass default-horse', user],
    });
    const refused = openStore({ url });
    closing.push(() => refused.store.close());
    await becomesTrue(() => refused.log.join().includes('NOAUTH'));
    const access = { tls: {}, sentinel: { username: 'asker', password: 'sentinels-horse' } };
    const { store, log } = await openStoreThatAnswers({ url: url.replace('://', `://:${PASSWORD}@`), access }, [look]);
    closing.push(() => store.close());
    expect((await decided(store, [one]))[0]?.granted).toBe(true);
    expect(`${refused.log}${log}`).not.toContain('horse');
  });

  it('say in the log what is wrong with which Sentinel', async () => {
    const { store, log } = openStore({ url: 'redis+sentinel://127.0.0.1:1,127.0.0.1:2/counters' });
    closing.push(() => store.close());
    await becomesTrue(() => log.some((line) => line.includes('ECONNREFUSED')));
    expect(log.at(-1)).toMatch(/cannot learn who.*127.0.0.1:1: .*ECONNREFUSED.*127.0.0.1:2: .*ECONNREFUSED/);
    expect(store.ready).toBe(false);
  });
});

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { type RunningRedis, startRedisProcess } from '../../../provision/redis.ts';
import { capOfShare, shareLimit } from '../../../src/counters/failure-policy/limit-share.ts';
import type { TimedLimit } from '../../../src/domain/limits/limit.ts';
import { makeCalendarLimit, makeLimit } from '../../counters/model/builders.ts';
import {
  countOver,
  countWrongRejections,
  type LoadAnswer,
  loadThroughPauses,
  measureMissedGrants,
  measureRecovery,
} from '../../counters/redis/load-through-pauses.ts';
import {
  closeAfterEachTest,
  openTestCounters,
  SHORT_DEADLINE_MS,
  signal,
} from '../../counters/redis/open-test-counters.ts';
import { waitUntil } from '../../support/wait-until.ts';
import { LossyNetwork } from './lossy-network.ts';

/** A row of the second table in docs/guarantees.md. */
export interface PauseFigures {
  readonly disruption: string;
  readonly nodes: number;
  readonly calls: number;
  readonly failLocal: number;
  /** For each limit, the most grants that certainly were too many. */
  readonly over: readonly number[];
  /** Share of the calls on limits with rolling windows. */
  readonly wronglyRejectedShare: number;
  /** Share of the grants that an exact log would have made on these limits; the mean of the limits. */
  readonly missedShare: number;
  readonly lateHits: number;
  readonly recoveryMs: number;
}

const LIMITS = [
  makeLimit(5, '2s', { name: 'small' }),
  makeLimit(40, '2s'),
  makeLimit(400, '2s', { name: 'large' }),
  makeLimit(40, '2s', { algorithm: 'fixed_window' }),
  makeLimit(40, '2s', { algorithm: 'token_bucket' }),
  makeLimit(40, '2s', { algorithm: 'concurrency' }),
  makeCalendarLimit(200, 'hour'),
];
/** The limits among them whose windows roll. */
const ROLLING = [0, 1, 2, 5];
const NODE_COUNTS = [1, 3];
const PAUSES_MS = [20, 40, 80, 300, 1000, 5000];
const INTERVAL_MS = 3;
const MIN_DURATION_MS = 8000;

interface Servers {
  readonly redis: RunningRedis;
  readonly client: Redis;
  /** The network between the nodes and Redis, if the disruption needs one. */
  readonly network: LossyNetwork | undefined;
}

interface Disruption {
  readonly name: string;
  readonly pauseMs: number;
  readonly needsNetwork?: true;
  readonly disrupt: (servers: Servers) => Promise<void>;
}

const DISRUPTIONS: readonly Disruption[] = [
  ...PAUSES_MS.map((pauseMs) => ({
    name: `pause of ${pauseMs} ms`,
    pauseMs,
    disrupt: async ({ redis }: Servers) => {
      signal(redis, 'SIGSTOP');
      await sleep(pauseMs);
      signal(redis, 'SIGCONT');
    },
  })),
  {
    name: 'command of 100 ms on Redis',
    pauseMs: 100,
    disrupt: async ({ client }) => void (await client.call('DEBUG', 'SLEEP', '0.1')),
  },
  {
    name: 'BGSAVE of 300 MB',
    pauseMs: 300,
    disrupt: async ({ client }) => {
      await client.bgsave('SCHEDULE');
      await waitUntil(async () => !(await client.info('persistence')).includes('rdb_bgsave_in_progress:1'));
    },
  },
  {
    name: '5% of packets lost for 1 s',
    pauseMs: 1000,
    needsNetwork: true,
    disrupt: async ({ network }) => {
      network?.setLoss(0.05);
      await sleep(1000);
      network?.setLoss(0);
    },
  },
  {
    name: 'node busy for 50 ms',
    pauseMs: 50,
    disrupt: async () => {
      const until = performance.now() + 50;
      while (performance.now() < until);
    },
  },
];

/** Defines a test for each disruption and number of nodes. `onFigures` receives the figures of each, even if it fails. */
export function definePauseTests(onFigures: (figures: PauseFigures) => void): void {
  describe.each(NODE_COUNTS)('%d nodes, while Redis is disrupted again and again', (nodeCount) => {
    closeAfterEachTest();

    it.each(DISRUPTIONS)('stay within the bounds: $name', async (disruption) => {
      const { figures, overByRedis, overAlone } = await measure(disruption, nodeCount);
      onFigures(figures);
      // docs/guarantees.md: one node grants nothing too much, and several only what nodes grant alone, within their shares.
      const none = LIMITS.map(() => 0);
      if (nodeCount === 1) expect(figures.over).toEqual(none);
      expect(overByRedis).toEqual(none);
      expect(overAlone).toEqual(none);
    });
  });
}

interface Measured {
  readonly figures: PauseFigures;
  /** For each limit, the most grants of Redis that certainly were too many. */
  readonly overByRedis: readonly number[];
  /** For each limit, the most grants that a node made alone beyond its share. */
  readonly overAlone: readonly number[];
}

async function measure({ name, pauseMs, needsNetwork, disrupt }: Disruption, nodeCount: number): Promise<Measured> {
  const redis = await startRedisProcess({ extraArguments: ['--enable-debug-command', 'yes'] });
  const client = new Redis(redis.url);
  client.on('error', () => undefined); // it is silent while Redis is
  const network = needsNetwork && (await LossyNetwork.start(redis.port));
  try {
    if (name.startsWith('BGSAVE')) {
      for (let number = 0; number < 300; number++) await client.set(`filler-${number}`, Buffer.alloc(2 ** 20));
    }
    const opened = await Promise.all(
      Array.from({ length: nodeCount }, () => openTestCounters(network ?? redis, SHORT_DEADLINE_MS)),
    );
    await waitUntil(() => opened.every(({ nodes }) => nodes.at(-1) === nodeCount));
    const nodes = opened.map(({ counters }) => counters);
    const report = await loadThroughPauses({
      nodes,
      limits: LIMITS,
      subject: randomUUID(),
      intervalMs: INTERVAL_MS,
      durationMs: Math.max(MIN_DURATION_MS, 2.5 * pauseMs),
      disrupt: () => disrupt({ redis, client, network }),
      nextPauseMs: () => 300 + Math.random() * 900,
    });
    const answers = report.answers.flat();
    const rolling = ROLLING.map((index) => ({ answers: report.answers[index] ?? [], limit: LIMITS[index] }));
    const wrong = rolling.reduce(
      (sum, each) => sum + (each.limit ? countWrongRejections(each.answers, each.limit) : 0),
      0,
    );
    const figures = {
      disruption: name,
      nodes: nodeCount,
      calls: answers.length,
      failLocal: answers.filter(({ source }) => source === 'fail-local').length,
      over: LIMITS.map((limit, index) => countOver(report.answers[index] ?? [], limit)),
      wronglyRejectedShare: wrong / rolling.reduce((sum, each) => sum + each.answers.length, 0),
      missedShare:
        rolling.reduce((sum, { answers, limit }) => sum + (limit ? measureMissedGrants(answers, limit) : 0), 0) /
        rolling.length,
      lateHits: nodes.reduce((sum, { outage }) => sum + outage.lateHits, 0),
      recoveryMs: measureRecovery(report),
    };
    const overByRedis = LIMITS.map((limit, index) => {
      const byRedis = report.answers[index]?.filter(({ source }) => source === 'redis') ?? [];
      return countOver(byRedis, limit);
    });
    const overAlone = LIMITS.map((limit, index) => measureOverAlone(report.answers[index] ?? [], limit, nodeCount));
    return { figures, overByRedis, overAlone };
  } finally {
    client.disconnect();
    await network?.stop();
    await redis.stop();
  }
}

/** Returns the most grants that one of the nodes made alone beyond its share. Slots have no cap (docs/guarantees.md). */
function measureOverAlone(answers: readonly LoadAnswer[], limit: TimedLimit, nodeCount: number): number {
  const share = capOfShare(shareLimit(limit, nodeCount));
  if (share === undefined || share.algorithm === 'credits') return 0;
  const alone = answers.filter(({ source }) => source === 'fail-local');
  const nodes = Array.from({ length: nodeCount }, (_, node) => node);
  return Math.max(
    ...nodes.map((node) =>
      countOver(
        alone.filter((answer) => answer.node === node),
        share,
      ),
    ),
  );
}

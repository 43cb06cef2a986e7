import { setTimeout as sleep } from 'node:timers/promises';
import type { LossWindow } from './client-ledger.ts';
import { FLUSH_INTERVAL_MS, type RestartableNode, type UsageNodes } from './usage-nodes.ts';

/** Something that happens to the nodes under load. */
export interface Disruption {
  readonly name: string;
  /** Resolves once all servers run again. Returns when usage may have been lost; undefined: never. */
  readonly run: (nodes: UsageNodes, pauseMs: number) => Promise<LossWindow | undefined>;
}

/** Nodes delay their writes by up to a twelfth of the interval. A write on a busy machine takes a moment, too. */
const MAX_UNWRITTEN_MS = FLUSH_INTERVAL_MS * (1 + 1 / 12) + 1000;
/** Envoy settles a request once it has answered it. */
const MAX_SETTLEMENT_MS = 1000;
/** Nodes take this long to find a Redis that is back. Until then, they settle nothing. */
const MAX_RECONNECT_MS = 3000;

/** Outages and stops in order, which lose nothing. `npm test` has these alone. */
export const SHORT_DISRUPTIONS: readonly Disruption[] = [
  {
    name: 'Postgres is away, and the second node restarts meanwhile',
    async run({ postgres, nodes: [, second] }, pauseMs) {
      postgres.shut();
      await sleep(pauseMs);
      await second.stop(); // keeps what it cannot write
      postgres.open();
      await second.start();
      return undefined;
    },
  },
  {
    name: 'Redis is away, and returns empty',
    async run(nodes, pauseMs) {
      const from = performance.now() - MAX_SETTLEMENT_MS;
      await nodes.stopRedis();
      await sleep(pauseMs);
      await nodes.startRedis();
      return { loses: 'settlements', from, until: performance.now() + MAX_RECONNECT_MS };
    },
  },
  {
    name: 'Postgres does not answer',
    async run({ postgres }, pauseMs) {
      postgres.hang();
      await sleep(pauseMs);
      postgres.open();
      return undefined;
    },
  },
];

export const CLEAN_DISRUPTIONS: readonly Disruption[] = [
  ...SHORT_DISRUPTIONS,
  {
    name: 'the first node restarts',
    async run({ nodes: [first] }) {
      await first.stop();
      await first.start();
      return undefined;
    },
  },
];

/** A node that is killed loses what it has not written: at most the usage of the last interval. */
export const KILLS: readonly Disruption[] = [
  {
    name: 'the second node is killed',
    run: ({ nodes: [, second] }, pauseMs) => kill(second, pauseMs),
  },
  {
    name: 'the first node is killed while Postgres is away',
    async run({ postgres, nodes: [first] }, pauseMs) {
      postgres.shut();
      await sleep(pauseMs);
      return kill(first, 0, () => postgres.open()); // the next start writes what was in the file
    },
  },
  {
    name: 'the second node is killed while Postgres does not answer',
    async run({ postgres, nodes: [, second] }, pauseMs) {
      postgres.hang();
      await sleep(2 * pauseMs); // several intervals: the file must have all but the last
      return kill(second, 0, () => postgres.open());
    },
  },
  {
    name: 'the first node and Redis are killed together',
    async run(nodes, pauseMs) {
      const redis = nodes.stopRedis();
      const window = await kill(nodes.nodes[0], pauseMs, () => nodes.startRedis());
      await redis;
      return { ...window, from: window.from - MAX_SETTLEMENT_MS, until: performance.now() + MAX_RECONNECT_MS };
    },
  },
];

/** Kills a node and starts it again. */
async function kill(
  node: RestartableNode,
  pauseMs: number,
  restore: () => Promise<void> | void = () => {},
): Promise<LossWindow> {
  const from = performance.now() - MAX_UNWRITTEN_MS;
  await node.kill();
  const until = performance.now() + 100;
  await sleep(pauseMs);
  await restore();
  await node.start();
  return { loses: 'everything', from, until };
}

import { randomUUID } from 'node:crypto';
import type { CounterStore } from '../decide/ports.ts';
import type { WarningLogger } from '../interfaces/logger.ts';
import { readMonotonicMicros, readSystemMicros } from './clocks.ts';
import { FailurePolicyStore } from './failure-policy/failure-policy-store.ts';
import { LiveNodes } from './failure-policy/live-nodes.ts';
import { LeasingStore } from './leases/leasing-store.ts';
import { MemoryStore } from './memory/memory-store.ts';
import type { RedisAccess } from './redis/connection/connection-settings.ts';
import type { BreakerListener } from './redis/connection/script-connection.ts';
import { RedisStore } from './redis/redis-store.ts';
import { RefusalCacheStore } from './refusal-cache/refusal-cache-store.ts';

export interface CountersOptions {
  /** undefined: the counters are in the memory of this process. */
  readonly redisUrl: string | undefined;
  readonly redisAccess: RedisAccess;
  readonly redisDeadlineMs: number;
  readonly logger: WarningLogger;
  readonly onBreaker: BreakerListener;
  /** Called with the number of nodes that share the counters, each time they were counted. */
  readonly onLiveNodes: (count: number) => void;
}

export interface Counters {
  readonly store: CounterStore;
  /** Whether the counters can be reached. */
  readonly ready: boolean;
  close(): Promise<void>;
}

/**
 * A counter takes up to 1.1 KB, with 60 hits that each have a time of its own; most take a tenth of that
 * (docs/guarantees.md). In a full memory, new subjects meet their limits' on_store_failure: dropping other counters
 * would lift the limits of their subjects.
 */
const MAX_COUNTERS_IN_MEMORY = 1_000_000;

/** Builds the chain of stores that README.md draws. */
export function openCounters(options: CountersOptions): Counters {
  const { redisUrl, redisAccess, redisDeadlineMs, logger, onBreaker, onLiveNodes } = options;
  if (redisUrl === undefined) return { store: openMemoryChain(), ready: true, close: async () => undefined };
  const redis = new RedisStore({
    url: redisUrl,
    access: redisAccess,
    deadlineMs: redisDeadlineMs,
    logger,
    onBreaker,
  });
  const liveNodes = new LiveNodes({
    node: randomUUID(),
    announce: (node, ttlMs) => redis.announce(node, ttlMs),
    onCount: onLiveNodes,
  });
  const failurePolicy = new FailurePolicyStore({
    remote: new RefusalCacheStore({ store: redis, now: readMonotonicMicros }),
    local: openMemory('fail-local'),
    liveNodes: () => liveNodes.count,
  });
  const leasing = new LeasingStore(failurePolicy, logger);
  return {
    store: leasing,
    get ready() {
      return redis.ready;
    },
    async close() {
      liveNodes.close();
      await leasing.close();
      await redis.close();
    },
  };
}

/**
 * Decisions that a full memory cannot count meet the policies of their limits. The policy `local` does not help them,
 * as the local store is the same full memory.
 */
function openMemoryChain(): CounterStore {
  const store = openMemory('memory');
  return new FailurePolicyStore({ remote: store, local: store, liveNodes: () => 1 });
}

function openMemory(source: 'memory' | 'fail-local'): MemoryStore {
  return new MemoryStore({ now: readSystemMicros, maxCounters: MAX_COUNTERS_IN_MEMORY, source });
}

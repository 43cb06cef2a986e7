import { randomUUID } from 'node:crypto';
import type { CounterStore } from '../decide/ports.ts';
import type { WarningLogger } from '../interfaces/logger.ts';
import { readSystemMicros } from './clocks.ts';
import { FailurePolicyStore } from './failure-policy/failure-policy-store.ts';
import { LiveNodes } from './failure-policy/live-nodes.ts';
import { LeasingStore } from './leases/leasing-store.ts';
import { MemoryStore } from './memory/memory-store.ts';
import type { RedisAccess } from './redis/connection/connection-settings.ts';
import type { BreakerListener } from './redis/connection/script-connection.ts';
import { RedisStore } from './redis/redis-store.ts';
import { RefusalCacheStore } from './refusal-cache/refusal-cache-store.ts';

export interface CountersOptions {
  /** undefined: they are in this process' memory. */
  readonly redisUrl: string | undefined;
  readonly redisAccess: RedisAccess;
  readonly redisDeadlineMs: number;
  readonly logger: WarningLogger;
  readonly onBreaker: BreakerListener;
  /** Told how many nodes share the counters, whenever they were counted. */
  readonly onLiveNodes: (count: number) => void;
}

export interface Counters {
  readonly store: CounterStore;
  /** Whether they can be reached. */
  readonly ready: boolean;
  close(): Promise<void>;
}

/**
 * At up to 1.1 KB each (60 hits with their times, after having grown to it; mostly a tenth: docs/guarantees.md). Beyond it
 * new subjects meet their limits' on_store_failure, because dropping others would free them of theirs.
 */
const MOST_COUNTERS_IN_MEMORY = 1_000_000;

export function openCounters(options: CountersOptions): Counters {
  const { redisUrl, redisAccess, redisDeadlineMs, logger, onBreaker, onLiveNodes } = options;
  if (redisUrl === undefined) return { store: guardedMemory(), ready: true, close: async () => undefined };
  const redis = new RedisStore({
    url: redisUrl,
    access: redisAccess,
    deadlineMs: redisDeadlineMs,
    logger,
    onBreaker,
  });
  const census = new LiveNodes({
    node: randomUUID(),
    announce: (node, lifeMs) => redis.announce(node, lifeMs),
    onCount: onLiveNodes,
  });
  const guarded = new FailurePolicyStore({
    remote: new RefusalCacheStore({ store: redis, now: readMonotonicMicros }),
    local: memoryStore('fail-local'),
    liveNodes: () => census.count,
  });
  const leasing = new LeasingStore(guarded, logger);
  return {
    store: leasing,
    get ready() {
      return redis.ready;
    },
    async close() {
      census.close();
      await leasing.close();
      await redis.close();
    },
  };
}

/** What a full memory cannot count meets the limits' policy; `local` is no help then. */
function guardedMemory(): CounterStore {
  const store = memoryStore('memory');
  return new FailurePolicyStore({ remote: store, local: store, liveNodes: () => 1 });
}

function memoryStore(source: 'memory' | 'fail-local'): MemoryStore {
  return new MemoryStore({ now: readSystemMicros, maxCounters: MOST_COUNTERS_IN_MEMORY, source });
}

function readMonotonicMicros(): number {
  return Math.floor(performance.now() * 1000);
}

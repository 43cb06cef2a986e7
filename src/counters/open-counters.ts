import { randomUUID } from 'node:crypto';
import type { CounterStore } from '../decide/ports.ts';
import type { ThresholdCrossing } from '../domain/limits/limit-threshold.ts';
import type { StoreLogger } from '../interfaces/logger.ts';
import {
  type CheckpointFigures,
  type Checkpoints,
  type CheckpointsOptions,
  openCheckpoints,
} from './checkpoints/open-checkpoints.ts';
import { readMonotonicMicros, readSystemMicros } from './clocks.ts';
import { FailurePolicyStore } from './failure-policy/failure-policy-store.ts';
import { KnownCounters } from './failure-policy/known-counters.ts';
import { LateCharges } from './failure-policy/late-charges.ts';
import { LiveNodes } from './failure-policy/live-nodes.ts';
import { LocalCounters } from './failure-policy/local-counters.ts';
import { LocalStore } from './failure-policy/local-store.ts';
import { OutageTally } from './failure-policy/outage-tally.ts';
import { TrackingStore } from './failure-policy/tracking-store.ts';
import { FillWatch } from './fill-watch.ts';
import { LeasingStore } from './leases/leasing-store.ts';
import { CounterFile } from './memory/counter-file.ts';
import { restoreCounters, storeCounters } from './memory/keep-counters.ts';
import { MemoryStore } from './memory/memory-store.ts';
import type { RedisAccess } from './redis/connection/connection-settings.ts';
import type { BreakerListener } from './redis/connection/script-connection.ts';
import type { CountersLostListener } from './redis/failover/counters-lost.ts';
import type { FailoverOptions, FailoverStatus } from './redis/failover/failover.ts';
import { RepairTally } from './redis/failover/repair-tally.ts';
import type { RedisStore } from './redis/redis-store.ts';
import { RefusalCacheStore } from './refusal-cache/refusal-cache-store.ts';
import type { RuleFill, StoreFill } from './store-fill.ts';
import { ThresholdStore } from './thresholds/threshold-store.ts';
import { ThresholdWatch } from './thresholds/threshold-watch.ts';

export interface CountersOptions {
  /** undefined: the counters are in the memory of this process. */
  readonly redisUrl: string | undefined;
  /** The folder that keeps counters in memory from a stop to the next start. */
  readonly folder: string;
  readonly redisAccess: RedisAccess;
  readonly redisDeadlineMs: number;
  /** How long this node remembers what Redis granted, in ms, to charge it again after a failover. 0: not at all. */
  readonly redisHistoryMs: number;
  /** How long a stop may wait for Redis to charge what this node granted alone, in ms. */
  readonly stopPatienceMs: number;
  /** Whether this node decides for Envoy, so that it takes a share of the limits while Redis is away. */
  readonly isDeciding: boolean;
  readonly checkpoints: CheckpointsOptions;
  readonly logger: StoreLogger;
  readonly onBreaker: BreakerListener;
  /** Called for each reply of Redis, with the time in ms since its call was sent. */
  readonly onReply?: (roundTripMs: number) => void;
  /** Called with the number of deciding nodes that share the counters, each time they were counted. */
  readonly onLiveNodes: (count: number) => void;
  /** Called when a Redis server was found to have lost counters. */
  readonly onCountersLost?: CountersLostListener | undefined;
  /** Called when the usage of a counter has reached a share that its limit names in `notifyAt`. */
  readonly onThreshold: (crossing: ThresholdCrossing) => void;
}

export interface Counters {
  readonly store: CounterStore;
  readonly kind: 'memory' | 'redis';
  /** Whether the counters can be reached. */
  readonly ready: boolean;
  /** Whether this node may decide alone now if Redis does not answer in time: all other nodes count it. */
  readonly takesShare: boolean;
  /** The Redis servers that are known to forget their counters when they restart; `memory` when the process is killed. */
  readonly forgetfulStores: readonly string[];
  /** How full the store is. In Redis, an estimate that is up to 10 s old. */
  readonly fill: StoreFill;
  /** Decisions for which the memory of this process had no room, by rule. */
  readonly refused: readonly RuleFill[];
  /** The number of counters whose slices this node leases. 0 for counters in memory. */
  readonly leasedCounters: number;
  /** Tally of the time without the shared counters. In memory, it stays empty. */
  readonly outage: OutageTally;
  readonly checkpoints: CheckpointFigures;
  /** Memory of the grants of Redis, and repairs of those that Redis lost. Both are empty for counters in memory. */
  readonly failover: FailoverStatus;
  close(): Promise<void>;
}

/**
 * A counter takes up to 1.1 KB, with 60 hits that each have a time of its own; most take a tenth of that
 * (docs/guarantees.md). In a full memory, new subjects meet their limits' on_store_failure: dropping other counters
 * would lift the limits of their subjects.
 */
const MAX_COUNTERS_IN_MEMORY = 1_000_000;

/** Builds the chain of stores that README.md draws. */
export function openCounters(options: CountersOptions): Promise<Counters> {
  const { redisUrl } = options;
  if (redisUrl === undefined) return openMemoryCounters(options);
  return openRedisCounters(redisUrl, options);
}

async function openRedisCounters(redisUrl: string, options: CountersOptions): Promise<Counters> {
  // Only here, because the client of Redis takes 14 MB, which counters in memory do not need.
  const { RedisStore } = await import('./redis/redis-store.ts');
  const { redisAccess: access, redisDeadlineMs: deadlineMs, logger, onBreaker, onReply } = options;
  const node = randomUUID();
  const forgetfulServers = new Set<string>();
  const tally = new OutageTally();
  const redis = new RedisStore({
    url: redisUrl,
    ...{ access, deadlineMs, logger, onBreaker, onReply },
    onLateReply: (part) => tally.recordLateReply(part),
    onPersistence: (server, isPersistent) => void forgetfulServers[isPersistent ? 'delete' : 'add'](server),
    failover: createFailoverOptions(
      options,
      node,
      () => liveNodes.knownCount,
      (tags) => restoreQuotas(tags),
    ),
  });
  const liveNodes: LiveNodes = openLiveNodes(redis, node, options);
  const local = openMemory('fail-local');
  const fillWatch = new FillWatch({ readFill: () => redis.sampleFill(), log: logger });
  const checkpoints = openCheckpoints(options.checkpoints, logger);
  const outage = openOutageStores({ redis, memory: local, liveNodes, checkpoints, node, tally, logger });
  const restoreQuotas = checkpoints.restoreRedis(redis.quotas, node);
  const leasing = new LeasingStore(watchThresholds(new FailurePolicyStore(outage), options), logger);
  return {
    store: leasing,
    kind: 'redis',
    get ready() {
      return redis.ready;
    },
    get takesShare() {
      return liveNodes.takesShare;
    },
    get forgetfulStores() {
      return [...forgetfulServers];
    },
    get fill() {
      return fillWatch.fill;
    },
    get refused() {
      return local.refused;
    },
    get leasedCounters() {
      return leasing.leasedCounters;
    },
    outage: tally,
    checkpoints: checkpoints.figures,
    failover: redis.failover,
    async close() {
      fillWatch.close();
      await leasing.close();
      await stopChargingLate(outage.lateCharges, options);
      await checkpoints.close();
      await liveNodes.close();
      await redis.close();
    },
  };
}

function openLiveNodes(redis: RedisStore, node: string, { isDeciding, onLiveNodes }: CountersOptions): LiveNodes {
  return new LiveNodes({
    node,
    isDeciding,
    announce: (name, ttlMs) => redis.announce(name, ttlMs),
    isReachable: () => redis.ready,
    onCount: onLiveNodes,
  });
}

async function stopChargingLate(
  lateCharges: LateCharges,
  { stopPatienceMs, logger }: Pick<CountersOptions, 'stopPatienceMs' | 'logger'>,
): Promise<void> {
  const counters = await lateCharges.close(stopPatienceMs);
  if (counters > 0) logger.warn({ counters }, 'counters: stopped before Redis charged what this node granted alone');
}

function createFailoverOptions(
  { isDeciding, redisHistoryMs, onCountersLost }: CountersOptions,
  node: string,
  liveNodes: () => number | undefined,
  restoreQuotas: (tags: readonly number[]) => void,
): FailoverOptions {
  return {
    node,
    isAwaited: isDeciding,
    liveNodes,
    coveredMs: redisHistoryMs,
    onCountersLost(loss) {
      if (loss.kind === 'empty') restoreQuotas(loss.tags);
      return onCountersLost?.(loss);
    },
  };
}

/**
 * Decisions that a full memory cannot count meet the policies of their limits. The policy `local` does not help them,
 * as the local store is the same full memory.
 */
async function openMemoryCounters(options: CountersOptions): Promise<Counters> {
  const { folder, isDeciding, logger } = options;
  const memory = openMemory('memory');
  const file = isDeciding ? new CounterFile(folder) : undefined;
  const checkpoints = openCheckpoints(options.checkpoints, logger);
  const isRestored = file === undefined || (await restoreCounters(memory, file, logger));
  if (!isRestored) await checkpoints.restoreMemory(memory);
  const fillWatch = new FillWatch({ readFill: () => memory.fill, log: logger });
  return {
    store: watchThresholds(
      new FailurePolicyStore({ remote: checkpoints.wrap(memory), local: memory.fallback }),
      options,
    ),
    kind: 'memory',
    leasedCounters: 0,
    ready: true,
    takesShare: true,
    forgetfulStores: ['memory'],
    get fill() {
      return memory.fill;
    },
    get refused() {
      return memory.refused;
    },
    outage: new OutageTally(),
    checkpoints: checkpoints.figures,
    failover: { tally: new RepairTally(), coveredSeconds: 0, bytes: 0 },
    async close() {
      fillWatch.close();
      await checkpoints.close();
      if (file !== undefined) await storeCounters(memory, file, logger);
    },
  };
}

function watchThresholds(store: CounterStore, { onThreshold }: Pick<CountersOptions, 'onThreshold'>): CounterStore {
  return new ThresholdStore(store, new ThresholdWatch(onThreshold));
}

interface OutageStoresOptions {
  readonly redis: RedisStore;
  readonly memory: MemoryStore;
  readonly liveNodes: LiveNodes;
  readonly checkpoints: Checkpoints;
  readonly node: string;
  readonly tally: OutageTally;
  readonly logger: StoreLogger;
}

/** Builds the two sides of the failure policy store, and what they share: what Redis said, and what this node owes it. */
function openOutageStores({ redis, memory, liveNodes: nodes, checkpoints, node, tally, logger }: OutageStoresOptions) {
  const now = readSystemMicros;
  const liveNodes = () => nodes.count;
  const counters = new KnownCounters();
  const local = new LocalCounters({ memory, liveNodes, takesShare: () => nodes.takesShare, now });
  const onError = (err: unknown) => logger.warn({ err }, 'counters: charging late failed');
  const lateCharges = new LateCharges({ store: checkpoints.wrapLateCharges(redis), local, node, now, tally, onError });
  const tracking = new TrackingStore({ store: redis, counters, lateCharges, now, tally });
  const canReach = (subject: string) => redis.canChargeLate(subject);
  const remote = checkpoints.wrap(new RefusalCacheStore({ store: tracking, now: readMonotonicMicros }));
  const localStore = new LocalStore({ memory, counters, local, lateCharges, remote, canReach, liveNodes, now, tally });
  return { remote, local: localStore, lateCharges };
}

/** Opens counters of this process alone, for as long as the shared ones cannot be asked. */
export function openLocalCounters(maxCounters: number): CounterStore {
  return openMemory('fail-local', maxCounters);
}

function openMemory(source: 'memory' | 'fail-local', maxCounters = MAX_COUNTERS_IN_MEMORY): MemoryStore {
  return new MemoryStore({ now: readSystemMicros, maxCounters, source });
}

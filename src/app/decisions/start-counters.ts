import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from '../../config/config.ts';
import { type Counters, type CountersOptions, openCounters } from '../../counters/open-counters.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { Metrics } from '../../telemetry/metrics/metrics.ts';
import {
  registerCounterMetrics,
  registerFailoverMetrics,
  registerOutageMetrics,
} from '../../telemetry/metrics/parts/counter-metrics.ts';

/** The parts of the counters that only the service itself knows. */
export interface CountersParts
  extends Pick<CountersOptions, 'stopPatienceMs' | 'isDeciding' | 'checkpoints' | 'onThreshold'> {
  /**
   * Whether the start need not wait any more. Without a share of the limits, a node would reject what Redis does not decide
   * in time.
   */
  readonly isReady: (counters: Counters) => boolean;
}

/** Time that a start waits until the counters are ready. */
const MAX_STORE_WAIT_MS = 2_000;
const STORE_POLL_MS = 5;

/** Opens the counters, registers their metrics, and waits a moment until they are ready. */
export async function startCounters(
  { redisUrl, redisAccess, redisDeadlineMs, redisHistoryMs, dataDir }: Config,
  { isReady, ...parts }: CountersParts,
  { recordBreaker, recordRoundTrip, recordLiveNodes, registry }: Metrics,
  logger: Logger,
  resources: AsyncDisposableStack,
): Promise<Counters> {
  const counters = await openCounters({
    ...parts,
    redisUrl,
    folder: dataDir,
    redisAccess,
    redisDeadlineMs,
    redisHistoryMs,
    logger,
    onBreaker: recordBreaker,
    onReply: recordRoundTrip,
    onLiveNodes: recordLiveNodes,
  });
  resources.defer(() => counters.close());
  registerCounterMetrics(registry, counters);
  const giveUpAt = performance.now() + MAX_STORE_WAIT_MS;
  while (!isReady(counters) && performance.now() < giveUpAt) await sleep(STORE_POLL_MS);
  registerOutageMetrics(registry, counters);
  registerFailoverMetrics(registry, counters);
  return counters;
}

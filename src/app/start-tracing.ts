import type { Registry } from 'prom-client';
import { readPackageVersion } from '../commands/package-version.ts';
import type { Config } from '../config/config.ts';
import type { Tracer } from '../interfaces/tracing.ts';
import type { ProcessName } from '../telemetry/logger.ts';
import { registerTracingMetrics } from '../telemetry/metrics/parts/tracing-metrics.ts';

/** Part of the time for a stop in which each process sends its last spans. */
const STOP_PART = 1 / 20;
const MAX_STOP_MS = 2_000;

/** The tracing of this process. */
export interface StartedTracing {
  readonly tracer: Tracer;
  /**
   * Sends the last spans. `resources` waits for it. Call it once all calls are answered, so that it takes no time from the rest
   * of the stop.
   */
  readonly stop: () => Promise<void>;
}

/** Starts the tracing of a process. The SDK is loaded only if spans go anywhere. Returns undefined if they do not. */
export async function startTracing(
  { tracing: settings, shutdown: { timeoutMs, delayMs } }: Config,
  name: ProcessName,
  registry: Registry,
  resources: AsyncDisposableStack,
): Promise<StartedTracing | undefined> {
  if (settings === undefined) {
    registerTracingMetrics(registry, name, {});
    return undefined;
  }
  const { createTracing } = await import('../telemetry/traces/create-tracing.ts');
  const tracing = createTracing(settings, { name, version: readPackageVersion() });
  registerTracingMetrics(registry, name, tracing.counts);
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= tracing.stop(Math.min(MAX_STOP_MS, (timeoutMs - delayMs) * STOP_PART));
    return stopped;
  };
  resources.defer(stop);
  return { tracer: tracing.tracer, stop };
}

import type { Config } from '../../config/config.ts';
import { DecisionLog } from '../../decision-log/decision-log.ts';
import type { LogOutput } from '../../decision-log/log-output.ts';
import type { Metrics } from '../../telemetry/metrics/metrics.ts';
import { registerLogMetrics } from '../../telemetry/metrics/parts/runtime-metrics.ts';

/** Starts the log of single decisions. undefined: it is off. */
export function startDecisionLog(
  { decisionLog: sampling }: Config,
  output: LogOutput,
  { registry }: Metrics,
  resources: AsyncDisposableStack,
): DecisionLog | undefined {
  const decisionLog = sampling && new DecisionLog(sampling, output);
  registerLogMetrics(registry, () => output.droppedLines + (decisionLog?.dropped ?? 0));
  if (decisionLog !== undefined) resources.defer(() => decisionLog.stop());
  return decisionLog;
}

import { Registry } from 'prom-client';
import { readPackageVersion } from '../../commands/package-version.ts';
import type { Config } from '../../config/config.ts';
import type { LogOutput } from '../../decision-log/log-output.ts';
import { readMetricFamilies } from '../../telemetry/metrics/metric-families.ts';
import { registerRuntimeMetrics } from '../../telemetry/metrics/parts/runtime-metrics.ts';
import { ConnectionDistributor } from '../../workers/pool/connection-distributor.ts';
import { prepareWorkerPool } from '../../workers/pool/worker-pool.ts';
import { nameVariable } from '../name-variable.ts';
import { openProcessLog } from '../open-service-log.ts';
import type { PreparedProcess } from './answer-control-process.ts';

/** Prepares the workers of a node, in the primary process. `url` is that of the program of a worker. */
export async function preparePool(url: URL, config: Config, output: LogOutput): Promise<PreparedProcess> {
  const registry = new Registry();
  registerRuntimeMetrics(registry, 'primary', readPackageVersion());
  const { log, reporter } = await openProcessLog(config, { process: 'primary' }, output);
  const distributor = new ConnectionDistributor(log);
  // The control process reads the lines of this process one by one, so those of the workers must not mix.
  const takeLine = config.logFile && ((line: string) => output.write(line));
  const decisions = await prepareWorkerPool({
    program: { url, takeLine },
    config,
    distributor,
    listen: () => nameVariable('DECISION_ADDRESS', distributor.listen(config.decisionAddress)),
    logOf: (worker) => log.child({ worker }),
    readOwnMetrics: () => readMetricFamilies(registry),
  });
  return { decisions, reporter };
}

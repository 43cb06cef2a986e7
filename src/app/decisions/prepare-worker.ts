import type { Config } from '../../config/config.ts';
import type { LogOutput } from '../../decision-log/log-output.ts';
import { keepStringPrototypeFast } from '../../fast-string-prototype.ts';
import { openProcessLog } from '../open-service-log.ts';
import type { PreparedProcess } from './answer-control-process.ts';
import { prepareDecisions } from './prepare-decisions.ts';

/** Prepares the part that decides in a process of its own. */
export async function prepareWorker(config: Config, output: LogOutput): Promise<PreparedProcess> {
  keepStringPrototypeFast();
  const origin = { process: 'decision', ...(config.workers > 1 && { worker: config.worker }) } as const;
  const { log, reporter } = await openProcessLog(config, origin, output);
  return { decisions: await prepareDecisions(config, log, output), reporter };
}

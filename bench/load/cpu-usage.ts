import { readCpuMicros } from '../processes/process-usage.ts';
import type { LoadResult, MeasuredProcesses } from './load-job.ts';

/** CPU time that the processes of a load have used since they started, in µs. */
export interface CpuUsage {
  readonly server: number;
  readonly redis: number;
  readonly generator: number;
}

export function readCpuUsage(processes: MeasuredProcesses, generator: number): CpuUsage {
  return { server: readCpuMicros(processes.server), redis: readCpuMicros(processes.redis), generator };
}

/** CPU time between two readings, in µs per call. */
export function computeCpuPerCall(
  processes: MeasuredProcesses,
  before: CpuUsage,
  after: CpuUsage,
  calls: number,
): Pick<LoadResult, 'serverCpu' | 'redisCpu' | 'generatorCpu'> {
  return {
    serverCpu: processes.server.length > 0 ? (after.server - before.server) / calls : undefined,
    redisCpu: processes.redis.length > 0 ? (after.redis - before.redis) / calls : undefined,
    generatorCpu: (after.generator - before.generator) / calls,
  };
}

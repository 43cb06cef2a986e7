import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, release, type as system } from 'node:os';

/** The machine, the versions and the date of a measurement. Stored in docs/benchmarks.json. */
export interface Machine {
  /** ISO 8601. */
  readonly date: string;
  readonly processor: string;
  readonly cores: number;
  readonly kernel: string;
  readonly node: string;
  readonly redis: string;
}

export function describeMachine(): Machine {
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    kernel: `${system()} ${release()}`,
    node: process.version,
    redis: readRedisVersion(),
  };
}

export function formatMachine({ date, processor, cores, kernel, node, redis }: Machine): string {
  return `${date}: ${processor}, ${cores} cores, ${kernel}, Node ${node}, Redis ${redis}`;
}

function readRedisVersion(): string {
  try {
    const text = execFileSync('redis-server', ['--version'], { encoding: 'utf8' });
    return /v=(\S+)/.exec(text)?.[1] ?? 'unknown';
  } catch {
    return 'none';
  }
}

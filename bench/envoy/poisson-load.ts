import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const SOURCE = fileURLToPath(new URL('poisson-load.c', import.meta.url));
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
const run = promisify(execFile);

export interface PoissonLoad {
  /** On 127.0.0.1. */
  readonly port: number;
  readonly requestsPerSecond: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Loads with the same seed send at the same times. */
  readonly seed: number;
}

/** Results of the requests that were due after the warm-up. */
export interface PoissonResult {
  readonly requests: number;
  /** Requests without a response of status 200. */
  readonly failed: number;
  /** Quantiles of the latency in ms, from the time at which a request was due. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

/**
 * Compiles poisson-load.c into the folder, and returns a function that sends these requests by it. Rejects on a machine
 * without a C compiler.
 */
export async function createPoissonLoad(
  folder: string,
  requests: readonly string[],
): Promise<(load: PoissonLoad) => Promise<PoissonResult>> {
  const [program, requestFile] = [path.join(folder, 'poisson-load'), path.join(folder, 'requests')];
  await run('cc', ['-O2', '-D_GNU_SOURCE', '-o', program, SOURCE, '-lm']).catch((cause: unknown) => {
    throw new Error('cc: must compile bench/envoy/poisson-load.c (install a C compiler)', { cause });
  });
  await writeFile(requestFile, requests.join(''));
  return async ({ port, requestsPerSecond, warmUpSeconds, seconds, seed }) => {
    const args = [port, requestFile, requestsPerSecond, warmUpSeconds, seconds, seed].map(String);
    const { stdout } = await run(program, args, { maxBuffer: MAX_OUTPUT_BYTES });
    return parseResult(stdout);
  };
}

function parseResult(output: string): PoissonResult {
  const lines = output.trimEnd().split('\n');
  const [, failed, lastStatus] = /^failed (\d+) (\d+)$/.exec(lines.pop() ?? '') ?? [];
  if (failed === undefined) throw new Error('poisson-load: must end its output with the number of failures');
  if (failed !== '0')
    process.stderr.write(`bench: ${failed} requests failed; the last one with status ${lastStatus}\n`);
  const latencies = lines.map((line) => Number(line) / 1000).sort((a, b) => a - b);
  const quantile = (share: number) => latencies[Math.ceil(share * latencies.length) - 1] ?? Number.NaN;
  return {
    requests: latencies.length,
    failed: Number(failed),
    p50: quantile(0.5),
    p99: quantile(0.99),
    p999: quantile(0.999),
  };
}

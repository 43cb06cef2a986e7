/** Requests of a load: ShouldRateLimit for many values of one descriptor key, or Check for many API keys or JWTs. */
export type LoadRequests =
  | { readonly kind: 'rate_limit'; readonly domain: string; readonly key: string; readonly values: number }
  | { readonly kind: 'check'; readonly credential: 'api_key' | 'token'; readonly secrets: readonly string[] };

export type LoadKind = LoadRequests['kind'];

/** One measurement in a closed loop: `connections` × `streams` calls are outstanding all the time. */
export interface LoadJob {
  /** On 127.0.0.1. */
  readonly port: number;
  readonly requests: LoadRequests;
  readonly connections: number;
  /** Calls outstanding on each connection. */
  readonly streams: number;
  /** Time under load before the measured time. Its calls do not count. */
  readonly warmUpSeconds: number;
  /** The measured time ends after `seconds` or after `calls`, whichever comes first. */
  readonly seconds: number;
  readonly calls: number;
  readonly processes: MeasuredProcesses;
}

/** Process ids whose CPU time is read when the measured time begins and when it ends. An empty list: not measured. */
export interface MeasuredProcesses {
  readonly server: readonly number[];
  readonly redis: readonly number[];
}

/** Results of the measured time of one load. */
export interface LoadResult {
  readonly seconds: number;
  readonly ok: number;
  readonly overLimit: number;
  /** Calls of the warm-up without a verdict. They are reported but tolerated: the server may have only just started. */
  readonly warmUpErrors: number;
  /** Calls without a verdict. */
  readonly errors: number;
  /** Readable part of the last response without a verdict; empty: there was none. */
  readonly lastError: string;
  /** Latencies in ms. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** CPU time in µs per call. undefined: the job names no such process. */
  readonly serverCpu: number | undefined;
  readonly redisCpu: number | undefined;
  readonly generatorCpu: number;
}

/** Runs a job with one of the load generators. Rejects if a call never ends or the connection fails. */
export type RunLoad = (job: LoadJob) => Promise<LoadResult>;

export const RATE_LIMIT_METHOD = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit';
export const CHECK_METHOD = '/envoy.service.auth.v3.Authorization/Check';

/** Path of the gRPC method that a load calls. */
export function selectMethodPath(kind: LoadKind): string {
  return kind === 'check' ? CHECK_METHOD : RATE_LIMIT_METHOD;
}

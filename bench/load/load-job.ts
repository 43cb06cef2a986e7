/** What a load asks: ShouldRateLimit for the keys of one descriptor, or Check for API keys or for JWTs. */
export type LoadQuestions =
  | { readonly kind: 'rate_limit'; readonly domain: string; readonly key: string; readonly values: number }
  | { readonly kind: 'check'; readonly credential: 'api_key' | 'token'; readonly secrets: readonly string[] };

/** One measurement: closed loop, `connections` × `streams` calls outstanding all the time. */
export interface LoadJob {
  /** On 127.0.0.1. */
  readonly port: number;
  readonly questions: LoadQuestions;
  readonly connections: number;
  readonly streams: number;
  /** Load that is not counted, ahead of the measured time. */
  readonly warmUpSeconds: number;
  /** The measured time ends after `seconds` or after `calls`, whichever is first. */
  readonly seconds: number;
  readonly calls: number;
  /** Processes whose CPU time is read at the beginning and the end of the measured time, by what they are. */
  readonly processes: Processes;
}

export interface Processes {
  readonly server: readonly number[];
  readonly redis: readonly number[];
}

/** What one load saw within the measured time. */
export interface LoadResult {
  readonly seconds: number;
  readonly ok: number;
  readonly overLimit: number;
  /** Calls that got no verdict ahead of the measured time: told, but not held against a server that has just begun. */
  readonly warmUpErrors: number;
  /** Calls that got no verdict, and what was told of the last one. */
  readonly errors: number;
  readonly lastError: string;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** CPU time, µs per call. `undefined`: no process was named. */
  readonly serverCpu: number | undefined;
  readonly redisCpu: number | undefined;
  readonly generatorCpu: number;
}

export const RATE_LIMIT_PATH = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit';
export const CHECK_PATH = '/envoy.service.auth.v3.Authorization/Check';

export function pathOf(questions: LoadQuestions): string {
  return questions.kind === 'check' ? CHECK_PATH : RATE_LIMIT_PATH;
}

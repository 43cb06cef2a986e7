import type { LoadRequests, MeasuredProcesses } from '../load/load-job.ts';

/** A server that the bench measures. */
export interface BenchServer {
  readonly name: string;
  readonly port: number;
  readonly processes: MeasuredProcesses;
  readonly cases: readonly BenchCase[];
  /** Share of calls that may end without a verdict. With more, a measurement is void. */
  readonly toleratedErrors: number;
  /** Port of Node's inspector; undefined: it is not open. */
  readonly inspectorPort?: number | undefined;
}

/** One kind of load on a server. */
export interface BenchCase {
  /** Number of different keys that the load takes in turn. */
  readonly keys: number;
  readonly limits: CaseLimits;
  readonly requests: LoadRequests;
}

/**
 * The limits of the keys in a case:
 * - `one`: one limit, which grants everything
 * - `refused`: one limit, which rejects nearly everything
 * - `three`: three limits, which grant everything
 * - `leased`: one limit with `lease: true`, which grants everything
 * - `unknown`: nothing; the catalog has no such API keys
 * - `garbage`: nothing; the checksums of the API keys are wrong
 *
 * These words are stored in docs/benchmarks.json.
 */
export type CaseLimits = 'one' | 'refused' | 'three' | 'leased' | 'unknown' | 'garbage';

/** Names of the servers, as in docs/benchmarks.json. */
export const ECHO = 'grpc-js echo';
export const FLOOR = 'floor';
export const ENGINE = 'engine';
export const RLS_IN_MEMORY = 'RLS, memory';
export const RLS_WITH_REDIS = 'RLS, Redis';
export const CHECK_API_KEY = 'Check, API key';
export const CHECK_TOKEN = 'Check, JWT';
export const CHECK_MILLION_KEYS = 'Check, 1,000,000 keys';

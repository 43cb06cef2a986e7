import type { TokenTrust, VerifiedToken } from '../../domain/tokens/token.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { Query, ReadConsistently } from '../../interfaces/query.ts';
import { TrustModel } from '../model/trust-model.ts';
import { FeedFollower } from './feed-follower.ts';
import { type OutageOptions, startFollower } from './start-follower.ts';

export interface TrustReplicaOptions {
  readonly query: Query;
  /** Loads the tables. Must read the same database as `query`. */
  readonly readConsistently: ReadConsistently;
  readonly log: Logger;
  /** Staleness in ms from which the replica vouches for no token. undefined: no limit. */
  readonly maxStalenessMs?: number | undefined;
  /** Prepares the database. Called before the first read, and again after it failed. */
  prepare?(): Promise<void>;
  /** How to start while the database is away. undefined: the start fails. */
  readonly outage?: OutageOptions | undefined;
}

/**
 * The part of the catalog that verifies tokens: issuers, signing keys and revocations. It is small however many API keys
 * there are, so the control process has it in addition to the copy of the process that decides.
 */
export interface TrustReplica {
  readonly trust: TokenTrust;
  /** Time in ms since the copy was last known to be current. */
  readonly staleness: number;
  /** Whether the copy is so old that revocations may be missing. */
  readonly isTooStale: boolean;
  isRevoked(token: VerifiedToken): boolean;
  /** Applies everything that has been committed so far. Never rejects. */
  refresh(): Promise<void>;
  /** Stops following the changes. The copy can still be read. */
  stop(): Promise<void>;
}

/**
 * Loads issuers, signing keys and revocations, then follows their changes. Rejects if the load fails, unless `outage` lets
 * it start from a stored copy of the catalog or wait.
 */
export async function startTrustReplica({ outage, ...options }: TrustReplicaOptions): Promise<TrustReplica> {
  const { log } = options;
  const tables = ['issuer', 'signing_key', 'revocation'] as const;
  const follower = new FeedFollower({ ...options, tables, createModel: () => new TrustModel(log) });
  await startFollower(follower, log, outage);
  return {
    get trust() {
      return follower.model.trust;
    },
    get staleness() {
      return follower.staleness;
    },
    get isTooStale() {
      return follower.isTooStale;
    },
    isRevoked: (token) => follower.model.isRevoked(token),
    refresh: () => follower.refresh(),
    stop: () => follower.stop(),
  };
}

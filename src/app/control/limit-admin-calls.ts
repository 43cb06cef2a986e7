import { createHmac, hkdfSync } from 'node:crypto';
import type { TokenVerificationOptions } from '../../admin/callers/verify-presented-token.ts';
import { type CallLimits, createCallLimits } from '../../admin/limits/call-limits.ts';
import { type AdminCallLimiter, createCallLimiter } from '../../admin/limits/limit-calls.ts';
import { SignInNetworks } from '../../admin/limits/sign-in-networks.ts';
import { openLocalCounters } from '../../counters/open-counters.ts';
import type { Database } from '../../database/open-database.ts';
import { createAdminLimits } from '../../decide/admin/admin-limits.ts';
import { DEFAULT_ADMIN_BOOK } from '../../rules/default-admin-rules.ts';
import type { ControlMetrics } from '../../telemetry/metrics/control-metrics.ts';
import type { DecisionPort } from '../../workers/decision-port.ts';

/**
 * Counters of this process, for calls that the process that decides cannot count. A counter takes up to 1.1 KB. Without
 * room for more, calls are rejected.
 */
const MAX_LOCAL_COUNTERS = 10_000;

export interface AdminCallLimiterParts extends TokenVerificationOptions {
  readonly port: DecisionPort;
  readonly database: Database;
  readonly metrics: ControlMetrics;
  /** A secret that all nodes with the same counters share. */
  readonly secret: string;
}

/** Creates what limits the calls of the admin plane. */
export function createAdminCallLimiter(parts: AdminCallLimiterParts): AdminCallLimiter {
  const { port, database, metrics, secret, verifier, catalog } = parts;
  return createCallLimiter({
    limits: createAskedLimits(port),
    tokens: { verifier, catalog },
    networks: new SignInNetworks(database),
    database,
    digestEmail: createEmailDigest(secret),
    recordRejection: metrics.recordCallRejection,
  });
}

/** The limits of the admin API. While the process that decides is away, this one counts, by the default rules. */
function createAskedLimits(port: DecisionPort): CallLimits {
  const shared = {
    begin: (call: Parameters<DecisionPort['beginAdminCall']>[0]) => port.beginAdminCall(call),
    end: (ended: Parameters<DecisionPort['endAdminCall']>[0]) => port.endAdminCall(ended),
  };
  const local = createAdminLimits(openLocalCounters(MAX_LOCAL_COUNTERS), { book: DEFAULT_ADMIN_BOOK });
  return createCallLimits(shared, local);
}

/** Digests e-mail addresses for the names of counters, so that who reads Redis learns none and cannot test a guess. */
function createEmailDigest(secret: string): (email: string) => string {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'weir e-mail addresses in counters', 32));
  return (email) => `email:${createHmac('sha256', key).update(email).digest('base64url')}`;
}

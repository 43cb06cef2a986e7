import { computeVirtualTag } from '../../src/counters/redis/batch/counter-key.ts';
import { computeTagSlot } from '../../src/counters/redis/topology/cluster-slots.ts';
import type { Source } from '../../src/decide/ports.ts';
import { formatDescriptorSubject } from '../../src/domain/counting/counter-subject.ts';
import { RateLimitResponse_Code as Code } from '../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { HealthService } from '../../src/generated/grpc/health/v1/health.ts';
import { check, httpStatus, shouldRateLimit } from '../support/clients/decision-calls.ts';
import type { GrpcClient } from '../support/clients/grpc-client.ts';

/**
 * Kinds of calls that the load sends.
 *
 * - `local`, `allow`, `deny`: descriptors whose limit has this `on_store_failure`.
 * - `audit`: a descriptor whose limit is never reached, so Redis charges every call. Its counter is compared with the
 *   responses.
 * - `check`: a Check by API key, on a limit that is never reached.
 * - `health`: a health check. It needs no Redis and shares no batch with others, so it shows how much the machine itself
 *   delays calls.
 */
export const PROBES = ['local', 'allow', 'deny', 'audit', 'check', 'health'] as const;
export type Probe = (typeof PROBES)[number];

/** Requests per window that `local`, `allow` and `deny` may make: less than half of what the load sends. */
export const LIMIT = 80;
export const WINDOW_MS = 1000;
export const AUDIT_LIMIT = 1_000_000;
const DOMAIN = 'chaos';

export const RULES = `domain: ${DOMAIN}
descriptors:
  - key: local
    rate_limit: { requests: ${LIMIT}, window: 1s, on_store_failure: local }
  - key: allow
    rate_limit: { requests: ${LIMIT}, window: 1s, on_store_failure: allow }
  - key: deny
    rate_limit: { requests: ${LIMIT}, window: 1s, on_store_failure: deny }
  - key: audit
    rate_limit: { requests: ${AUDIT_LIMIT}, window: 1h, on_store_failure: deny }
`;
/** The limit of the plan that `check` is charged to. */
export const CHECK_LIMIT = { name: 'burst', requests: AUDIT_LIMIT, window: '3600s', onStoreFailure: 'deny' };

/** The response to a probe, and the part that decided. */
export interface ProbeResponse {
  /** `unavailable`: the policy `deny` decided a Check. `health`: the response to a health check. */
  readonly source: Source | 'health' | 'unavailable';
  readonly granted: boolean;
  /** Hits that the limit still allows. 0 for `check`, `health` and `unavailable`. */
  readonly remaining: number;
}

/** The counters that the probes of one scenario use. No other scenario uses them. */
export interface ProbeSubject {
  readonly name: string;
  /** Secret of an API key. */
  readonly secret: string;
}

/** Sends a probe. Rejects with the error of grpc-js if the call fails. */
export async function sendProbe(client: GrpcClient, probe: Probe, subject: ProbeSubject): Promise<ProbeResponse> {
  if (probe === 'health') {
    await client.call(HealthService.check, { service: '' });
    return { source: 'health', granted: true, remaining: 0 };
  }
  return probe === 'check' ? sendCheck(client, subject.secret) : sendDescriptor(client, probe, subject.name);
}

async function sendDescriptor(client: GrpcClient, key: string, subjectName: string): Promise<ProbeResponse> {
  const value = findValueOnFirstMaster(key, subjectName);
  const { overallCode, statuses, dynamicMetadata } = await shouldRateLimit(client, DOMAIN, [key, value]);
  const source: ProbeResponse['source'] = dynamicMetadata?.source;
  return { source, granted: overallCode === Code.OK, remaining: statuses[0]?.limitRemaining ?? 0 };
}

async function sendCheck(client: GrpcClient, secret: string): Promise<ProbeResponse> {
  const response = await check(client, { 'x-api-key': secret });
  const status = httpStatus(response);
  if (status === 503) return { source: 'unavailable', granted: false, remaining: 0 };
  if (status !== 200) throw new Error(`Check: must allow the request or deny it with 503 (got ${status})`);
  return { source: response.dynamicMetadata?.source, granted: true, remaining: 0 };
}

/** Size of the range of slots that the first of three masters has. */
const FIRST_MASTER_SLOTS = 16_384 / 3;
const valuesOnFirstMaster = new Map<string, string>();

/** Finds a value whose counter is on the first of three masters of a cluster: the one that the scenarios disrupt. */
function findValueOnFirstMaster(key: string, subjectName: string): string {
  const cacheKey = `${key} ${subjectName}`;
  const cached = valuesOnFirstMaster.get(cacheKey);
  if (cached !== undefined) return cached;
  let number = 0;
  while (computeSlot(key, `${subjectName}-${number}`) >= FIRST_MASTER_SLOTS) number++;
  const value = `${subjectName}-${number}`;
  valuesOnFirstMaster.set(cacheKey, value);
  return value;
}

/** Computes the hash slot of a probe's counter. */
function computeSlot(key: string, value: string): number {
  return computeTagSlot(computeVirtualTag(formatDescriptorSubject(DOMAIN, [{ key, value }])));
}

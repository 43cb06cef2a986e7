import { status as grpcStatus, type ServiceError } from '@grpc/grpc-js';
import { computeVirtualTag } from '../../src/counters/redis/batch/counter-key.ts';
import { computeTagSlot } from '../../src/counters/redis/topology/cluster-slots.ts';
import type { Source } from '../../src/decide/ports.ts';
import { formatDescriptorSubject } from '../../src/domain/counting/counter-subject.ts';
import { RateLimitResponse_Code as Code } from '../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { HealthService } from '../../src/generated/grpc/health/v1/health.ts';
import { check, httpStatus, shouldRateLimit } from '../support/decision-calls.ts';
import type { GrpcClient } from '../support/grpc-client.ts';

/**
 * The first three are named by their limit's policy; `ledger` and `check` ask of limits that never refuse. `health` asks
 * whether the node serves, which is answered without Redis and not in one batch with others: it tells what the machine
 * itself does to calls.
 */
export const QUESTIONS = ['local', 'allow', 'deny', 'ledger', 'check', 'health'] as const;
export type Question = (typeof QUESTIONS)[number];

/** Of `local`, `allow` and `deny`: less than half of what the load asks. */
export const LIMIT = 80;
export const WINDOW_MS = 1000;
export const LEDGER_LIMIT = 1_000_000;
const DOMAIN = 'chaos';

export const RULES = `domain: ${DOMAIN}
descriptors:
  - key: local
    rate_limit: { requests: ${LIMIT}, window: 1s, on_store_failure: local }
  - key: allow
    rate_limit: { requests: ${LIMIT}, window: 1s, on_store_failure: allow }
  - key: deny
    rate_limit: { requests: ${LIMIT}, window: 1s, on_store_failure: deny }
  - key: ledger
    rate_limit: { requests: ${LEDGER_LIMIT}, window: 1h, on_store_failure: deny }
`;
export const CHECKED_LIMIT = { name: 'burst', requests: LEDGER_LIMIT, window: '3600s', onStoreFailure: 'deny' };

/** What was answered, and who decided: `unavailable` is the answer that the policy `deny` has. */
export interface Answer {
  readonly source: Source | 'health' | 'unavailable';
  readonly granted: boolean;
  /** Hits that are left of the limit. */
  readonly remaining: number;
}

/** What the questions of one scenario are about: counters of their own. */
export interface Subject {
  readonly name: string;
  /** An API key. */
  readonly secret: string;
}

/** As the grpc-js client rejects, where a call failed otherwise than by the policy `deny`. */
export async function ask(client: GrpcClient, question: Question, subject: Subject): Promise<Answer> {
  if (question === 'health') {
    await client.call(HealthService.check, { service: '' });
    return { source: 'health', granted: true, remaining: 0 };
  }
  return question === 'check' ? askCheck(client, subject.secret) : askLimit(client, question, subject.name);
}

async function askLimit(client: GrpcClient, question: Question, name: string): Promise<Answer> {
  try {
    const value = valueOnFirstMaster(question, name);
    const { overallCode, statuses, dynamicMetadata } = await shouldRateLimit(client, DOMAIN, [question, value]);
    const source: Answer['source'] = dynamicMetadata?.source;
    return { source, granted: overallCode === Code.OK, remaining: statuses[0]?.limitRemaining ?? 0 };
  } catch (error) {
    const { code, details } = error as ServiceError; // grpc-js rejects with nothing else
    if (code !== grpcStatus.UNAVAILABLE || details !== STORE_UNAVAILABLE) throw error;
    return { source: 'unavailable', granted: false, remaining: 0 };
  }
}

/** And not that the node could not be reached. */
const STORE_UNAVAILABLE = 'the counters cannot be reached';

async function askCheck(client: GrpcClient, secret: string): Promise<Answer> {
  const response = await check(client, { 'x-api-key': secret });
  const status = httpStatus(response);
  if (status === 503) return { source: 'unavailable', granted: false, remaining: 0 };
  if (status !== 200) throw new Error(`Check was answered ${status}`);
  return { source: response.dynamicMetadata?.source, granted: true, remaining: 0 };
}

const values = new Map<string, string>();

/** A value whose counter the first of three masters of a cluster has, which is the one that scenarios disturb. */
export function valueOnFirstMaster(key: string, name: string): string {
  const known = values.get(`${key} ${name}`);
  if (known !== undefined) return known;
  let number = 0;
  while (slotOf(key, `${name}-${number}`) >= 16_384 / 3) number++;
  values.set(`${key} ${name}`, `${name}-${number}`);
  return `${name}-${number}`;
}

/** Slot of a question's counter. */
export function slotOf(key: string, value: string): number {
  return computeTagSlot(computeVirtualTag(formatDescriptorSubject(DOMAIN, [{ key, value }])));
}

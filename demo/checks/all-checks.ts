import type { DemoStack } from '../demo-stack.ts';
import { type SendRequest, sendOverHttp1, sendOverHttp2 } from '../http-clients.ts';
import { AUTHZ_AND_RATE_LIMIT_PATH, AUTHZ_ONLY_PATH, type Check, type CheckContext } from './check.ts';
import { createIdentityChecks, unprotectedRouteCheck } from './identity-checks.ts';
import { createLimitChecks, rejectionBodyCheck, sharedBudgetCheck } from './limit-checks.ts';

/** The checks that `npm run demo -- --check` and the tests run against a real Envoy. */
export const ALL_CHECKS: readonly Check[] = [
  unprotectedRouteCheck,
  ...[AUTHZ_ONLY_PATH, AUTHZ_AND_RATE_LIMIT_PATH].flatMap((path) => [
    ...createIdentityChecks(path),
    ...createLimitChecks(path),
  ]),
  rejectionBodyCheck,
  sharedBudgetCheck,
];

/** Every check runs over each of these protocols. */
export const PROTOCOLS: readonly (readonly [name: string, send: SendRequest])[] = [
  ['HTTP/1.1', sendOverHttp1],
  ['HTTP/2', sendOverHttp2],
];

export function createCheckContext({ admin }: DemoStack, origin: string, send: SendRequest): CheckContext {
  return { admin, send: (request) => send(origin, request) };
}

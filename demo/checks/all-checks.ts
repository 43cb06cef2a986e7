import type { World } from '../demo-stack.ts';
import { type Ask, askOverHttp1, askOverHttp2 } from '../http-clients.ts';
import { BOTH_FILTERS, type Check, ONE_FILTER, type Scene } from './check.ts';
import { identityChecks, unauthenticated } from './identity-checks.ts';
import { limitChecks, oneBudget, refusalBody } from './limit-checks.ts';

/** What `npm run demo -- --check` and the tests hold the real thing against. */
export const checks: readonly Check[] = [
  unauthenticated,
  ...[ONE_FILTER, BOTH_FILTERS].flatMap((path) => [...identityChecks(path), ...limitChecks(path)]),
  refusalBody,
  oneBudget,
];

/** Each check is made over each of them. */
export const protocols: readonly (readonly [name: string, ask: Ask])[] = [
  ['HTTP/1.1', askOverHttp1],
  ['HTTP/2', askOverHttp2],
];

export function sceneOf({ administrator }: World, origin: string, ask: Ask): Scene {
  return { administrator, ask: (question) => ask(origin, question) };
}

import { BOTH_FILTERS, type Check, ONE_FILTER } from './checks/check.ts';
import { identityChecks, unauthenticated } from './checks/identity.ts';
import { headersByEnvoy, headersByWeir, limitChecks, oneBudget, refusalBody } from './checks/limits.ts';

/** What `npm run demo -- --check` and the tests hold the real thing against. */
export const checks: readonly Check[] = [
  unauthenticated,
  ...[ONE_FILTER, BOTH_FILTERS].flatMap((path) => [...identityChecks(path), ...limitChecks(path)]),
  refusalBody,
  headersByWeir,
  headersByEnvoy,
  oneBudget,
];

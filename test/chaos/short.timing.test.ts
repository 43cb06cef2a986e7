import { defineChaosTests } from './define-chaos-tests.ts';
import { SINGLE_SERVER } from './scenarios/single-server.ts';

/** The scenarios that find most faults in little time. `npm run test:chaos` runs all of them. */
const SELECTED = [
  'kill -9, back after 2 s',
  'SIGSTOP for 5 s',
  'SCRIPT FLUSH',
  'FLUSHALL',
  'maxmemory reached for 2 s',
];

defineChaosTests({
  ...SINGLE_SERVER,
  scenarios: SINGLE_SERVER.scenarios.filter(({ name }) => SELECTED.includes(name)),
});

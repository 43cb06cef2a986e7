import { afterAll } from 'vitest';
import { defineChaosTests } from './define-chaos-tests.ts';
import type { Figures } from './figures.ts';
import { formatFailovers, formatPauses, formatScenarios, writeTable } from './report.ts';
import { STEPPED_CLOCK } from './scenarios/clock-steps.ts';
import { defineFailoverTests, type FailoverFigures } from './scenarios/failovers.ts';
import { definePauseTests, type PauseFigures } from './scenarios/pauses.ts';
import { defineQuotaTests } from './scenarios/quotas.ts';
import { CLUSTER, SENTINEL } from './scenarios/replicated-servers.ts';
import { SINGLE_SERVER } from './scenarios/single-server.ts';

// The test file of `npm run test:chaos`. It is not named *.test.ts, so that `npm test` does not run it.

const rows: Figures[] = [];
const pauses: PauseFigures[] = [];
const failovers: FailoverFigures[] = [];
const addRow = (figures: Figures) => void rows.push(figures);

defineChaosTests(SINGLE_SERVER, addRow);
defineChaosTests(STEPPED_CLOCK, addRow);
defineChaosTests(SENTINEL, addRow);
defineChaosTests(CLUSTER, addRow);
defineQuotaTests(false);
definePauseTests((figures) => void pauses.push(figures));
defineFailoverTests((figures) => void failovers.push(figures));

afterAll(() => {
  // A run of a part (`-t`) leaves the other tables as they are.
  if (rows.length > 0) writeTable('chaos', formatScenarios(rows));
  if (pauses.length > 0) writeTable('pauses', formatPauses(pauses));
  if (failovers.length > 0) writeTable('failovers', formatFailovers(failovers));
});

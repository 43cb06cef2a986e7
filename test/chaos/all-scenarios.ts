import { afterAll } from 'vitest';
import { STEPPED_CLOCK } from './clock-steps.ts';
import { defineChaosTests } from './define-chaos-tests.ts';
import type { Figures } from './figures.ts';
import { CLUSTER, SENTINEL } from './replicated-servers.ts';
import { formatTable, writeTable } from './report.ts';
import { SINGLE_SERVER } from './single-server.ts';

// The test file of `npm run test:chaos`. It is not named *.test.ts, so that `npm test` does not run it.

const rows: Figures[] = [];
const addRow = (figures: Figures) => void rows.push(figures);

defineChaosTests(SINGLE_SERVER, addRow);
defineChaosTests(STEPPED_CLOCK, addRow);
defineChaosTests(SENTINEL, addRow);
defineChaosTests(CLUSTER, addRow);

afterAll(() => {
  const table = formatTable(rows);
  console.log(table);
  writeTable(table);
});

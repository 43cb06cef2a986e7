import { afterAll } from 'vitest';
import type { Figures } from './check-bounds.ts';
import { CLOCK_STEPS } from './clock-steps.ts';
import { suite } from './define-chaos-tests.ts';
import { CLUSTER, SENTINELS } from './replicated-servers.ts';
import { formatFigures, writeFigures } from './report.ts';
import { ONE_SERVER } from './single-server.ts';

const figures: Figures[] = [];
const keep = (each: Figures) => void figures.push(each);

suite(ONE_SERVER, keep);
suite(CLOCK_STEPS, keep);
suite(SENTINELS, keep);
suite(CLUSTER, keep);

afterAll(() => {
  const table = formatFigures(figures);
  console.log(table);
  writeFigures(table);
});

import { afterAll } from 'vitest';
import { CLOCK_STEPS } from './clock-steps.ts';
import type { Figures } from './judge.ts';
import { ONE_SERVER } from './one-server.ts';
import { formatFigures, writeFigures } from './report.ts';
import { CLUSTER, SENTINELS } from './several-servers.ts';
import { suite } from './suite.ts';

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

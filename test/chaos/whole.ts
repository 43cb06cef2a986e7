import { afterAll } from 'vitest';
import { CLOCK_STEPS } from './clock-steps.ts';
import type { Figures } from './judge.ts';
import { ONE_SERVER } from './one-server.ts';
import { tableOf, writeTable } from './report.ts';
import { CLUSTER, SENTINELS } from './several-servers.ts';
import { suite } from './suite.ts';

const figures: Figures[] = [];
const keep = (each: Figures) => void figures.push(each);

suite(ONE_SERVER, keep);
suite(CLOCK_STEPS, keep);
suite(SENTINELS, keep);
suite(CLUSTER, keep);

afterAll(async () => {
  const table = tableOf(figures);
  console.log(table);
  await writeTable(table);
});

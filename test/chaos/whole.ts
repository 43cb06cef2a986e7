import { afterAll } from 'vitest';
import type { Figures } from './judge.ts';
import { ONE_SERVER } from './one-server.ts';
import { tableOf, writeTable } from './report.ts';
import { CLUSTER, SENTINELS } from './several-servers.ts';
import { type SuiteChoices, suite } from './suite.ts';

const figures: Figures[] = [];
const choices: SuiteChoices = { lateShare: 0.05, onFigures: (each) => void figures.push(each) };

suite(ONE_SERVER, choices);
suite(SENTINELS, choices);
suite(CLUSTER, choices);

afterAll(async () => {
  const table = tableOf(figures);
  console.log(table);
  await writeTable(table);
});

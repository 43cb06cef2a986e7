// npm run usage-queries: measures QueryUsage over a year of 100,000 accounts, or as many as the argument says. Prints a
// table.
import { rm } from 'node:fs/promises';
import { usePostgres } from '../../provision/postgres.ts';
import {
  QueryUsageRequest_GroupBy as GroupBy,
  QueryUsageRequest,
  QueryUsageRequest_Step as Step,
  UsageServiceService,
} from '../../src/generated/weir/admin/v1/usage_service.ts';
import { AdminClient } from '../catalog/admin-client.ts';
import { computeMedian } from '../measure/median.ts';
import { ChildProcesses } from '../processes/child-processes.ts';
import { describeMachine, formatMachine } from '../report/machine.ts';
import { formatTable } from '../report/markdown-table.ts';
import { formatCount } from '../report/result-tables.ts';
import { createServerFolder, startWeir } from '../servers/start-weir.ts';
import { fillUsage } from './fill-usage.ts';

const ACCOUNTS = Number(process.argv[2] ?? 100_000);
const RUNS = 5;
const DAY_MS = 86_400_000;

type Fields = Parameters<typeof QueryUsageRequest.fromPartial>[0];

const last = (days: number): Fields => ({
  ...{ parent: 'accounts/-', pageSize: 1000 },
  ...{ startTime: new Date(Date.now() - days * DAY_MS), endTime: new Date() },
});
const ACCOUNTLESS = [GroupBy.ROUTE, GroupBy.PLAN, GroupBy.OUTCOME];

const QUERIES: Readonly<Record<string, Fields>> = {
  'all accounts: a year by day': { ...last(365), step: Step.DAY },
  'all accounts: a year by month': { ...last(365), step: Step.MONTH },
  'all accounts: a year by day, route, plan and outcome': { ...last(365), step: Step.DAY, groupBy: ACCOUNTLESS },
  'all accounts: a year by day, of one plan': { ...last(365), step: Step.DAY, filter: 'plan = "plans/pro"' },
  'all accounts: 60 days by hour': { ...last(60), step: Step.HOUR },
  'all accounts: 60 days by day of Europe/Berlin': { ...last(60), step: Step.DAY, timeZone: 'Europe/Berlin' },
  'all accounts: today by hour': { ...last(1), step: Step.HOUR },
  'all accounts: a year by day and key': { ...last(365), step: Step.DAY, groupBy: [GroupBy.API_KEY] },
  'one account: a year by day': { ...last(365), step: Step.DAY, parent: 'accounts/account7' },
};

/** Asks several times. Returns the number of rows of the first page, and the times in ms. */
async function measure(admin: AdminClient, fields: Fields) {
  const times: number[] = [];
  let count = 0;
  for (let run = 0; run < RUNS; run++) {
    const start = performance.now();
    const { rows } = await admin.call(UsageServiceService.queryUsage, QueryUsageRequest.fromPartial(fields));
    times.push(performance.now() - start);
    count = rows.length;
  }
  return { count, median: computeMedian(times), max: Math.max(...times) };
}

const postgres = await usePostgres();
const folder = await createServerFolder();
const children = new ChildProcesses();
try {
  const url = await postgres.createDatabase();
  const { adminPort } = await startWeir({ children, folder, execArgv: [] }, { DATABASE_URL: url, WEIR_ROLE: 'admin' });
  process.stderr.write(`usage-queries: inserting a year of ${formatCount(ACCOUNTS)} accounts\n`);
  const { rows, totalsMs } = await fillUsage(url, ACCOUNTS);
  const table: string[][] = [];
  await AdminClient.withBenchPlan(adminPort, async (admin) => {
    for (const [name, fields] of Object.entries(QUERIES)) {
      const { count, median, max } = await measure(admin, fields);
      table.push([name, String(count), median.toFixed(0), max.toFixed(0)]);
    }
  });
  const counts = Object.entries(rows).map(([name, count]) => `${name} ${formatCount(count)}`);
  process.stdout.write(
    `${formatMachine(describeMachine())}; rows: ${counts.join(', ')}\n` +
      `the totals of the year took ${totalsMs.toFixed(0)} ms\n\n` +
      `${formatTable(['QueryUsage', 'rows of the first page', 'median ms', 'slowest'], table, 1)}\n`,
  );
} finally {
  await children.stopAll();
  await postgres.stop();
  await rm(folder, { recursive: true });
}

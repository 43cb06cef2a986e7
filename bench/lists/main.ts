// npm run lists: measures the lists of the admin API with a million accounts and API keys, or as many as the argument
// says. Prints a table.
import { rm } from 'node:fs/promises';
import { usePostgres } from '../../provision/postgres.ts';
import { AccountServiceService, ListAccountsRequest } from '../../src/generated/weir/admin/v1/account_service.ts';
import { ApiKeyServiceService, ListApiKeysRequest } from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { AdminClient } from '../catalog/admin-client.ts';
import { computeMedian } from '../measure/median.ts';
import { ChildProcesses } from '../processes/child-processes.ts';
import { describeMachine, formatMachine } from '../report/machine.ts';
import { formatTable } from '../report/markdown-table.ts';
import { formatCount } from '../report/result-tables.ts';
import { createServerFolder, startWeir } from '../servers/start-weir.ts';
import { fillCatalog } from './fill-catalog.ts';

const ROWS = Number(process.argv[2] ?? 1_000_000);
const PAGES_PER_LIST = 5;
const RUNS = 3;

const year = (years: number) => new Date(Date.now() + years * 365.25 * 86_400_000).toISOString();

const ACCOUNT_FILTERS = [
  '',
  ...['email = "person-77@company-77.example"', 'email : "@company-77.example"', 'email : "person-77"'],
  ...['email : "person"', 'email : ".example"', 'email : "nobody"', 'email = ""'],
  ...['plan = "plans/free"', 'plan = "plans/enterprise"', 'role = user', 'role = admin'],
  ...[
    'disabled = false',
    'disabled = true',
    'disabled = true AND role = admin',
    'disabled = true AND plan = "plans/pro"',
  ],
  ...[`create_time > "${year(-0.0001)}"`, `create_time < "${year(-1)}"`, `create_time < "${year(-2.9)}"`],
  ...[`last_sign_in_time > "${year(-0.0001)}"`, `last_sign_in_time < "${year(-1)}"`, 'last_sign_in_time = ""'],
  `create_time < "${year(-2.9)}" AND last_sign_in_time > "${year(-0.1)}"`,
  `plan = "plans/enterprise" AND create_time < "${year(-2.9)}"`,
  `last_sign_in_time < "${year(-1)}" AND create_time > "${year(-1)}"`,
];
const KEY_FILTERS = [
  '',
  ...['display_name : "quarterly"', 'display_name : "nightly"', 'display_name : "production"', 'display_name : "key"'],
  ...['display_name : "777"', 'display_name : "7"', 'display_name : "nothing"', 'display_name : "key 777 prod"'],
  ...['display_name : "quarterly" AND disabled = true', 'display_name : "nightly" AND disabled = false'],
  ...['hint : "a1b2"', 'hint : "wk_live"', 'plan = ""', 'plan = "plans/enterprise"'],
  ...['disabled = true', 'disabled = false', `create_time < "${year(-2.9)}"`, `create_time < "${year(-1)}"`],
  ...[`expire_time < "${year(0)}"`, `expire_time < "${year(-2)}"`, `last_used_time > "${year(-0.0001)}"`],
  ...[`last_used_time < "${year(-1)}"`, 'last_used_time = ""'],
  ...[`last_used_time < "${year(-1)}" AND create_time > "${year(-1)}"`, `plan = "" AND display_name : "quarterly"`],
];

interface Page {
  readonly count: number;
  readonly nextPageToken: string;
}

/** A list of the admin API. */
interface List {
  readonly method: string;
  readonly filters: readonly string[];
  read(admin: AdminClient, filter: string, showDeleted: boolean, pageToken: string): Promise<Page>;
}

const LISTS: readonly List[] = [
  {
    method: 'ListAccounts',
    filters: ACCOUNT_FILTERS,
    async read(admin, filter, showDeleted, pageToken) {
      const request = ListAccountsRequest.create({ filter, showDeleted, pageToken });
      const { accounts, nextPageToken } = await admin.call(AccountServiceService.listAccounts, request);
      return { count: accounts.length, nextPageToken };
    },
  },
  {
    method: 'ListApiKeys',
    filters: KEY_FILTERS,
    async read(admin, filter, showDeleted, pageToken) {
      const request = ListApiKeysRequest.create({ filter, showDeleted, pageToken });
      const { apiKeys, nextPageToken } = await admin.call(ApiKeyServiceService.listApiKeys, request);
      return { count: apiKeys.length, nextPageToken };
    },
  },
];

/** Reads the first pages of a list several times. Returns the number of rows, and the ms of each page. */
async function measure(admin: AdminClient, list: List, filter: string, showDeleted: boolean) {
  const times: number[] = [];
  let rows = 0;
  for (let run = 0; run < RUNS; run++) {
    let pageToken = '';
    rows = 0;
    for (let page = 0; page < PAGES_PER_LIST && (page === 0 || pageToken !== ''); page++) {
      const start = performance.now();
      const { count, nextPageToken } = await list.read(admin, filter, showDeleted, pageToken);
      times.push(performance.now() - start);
      pageToken = nextPageToken;
      rows += count;
    }
  }
  return { rows, median: computeMedian(times), max: Math.max(...times) };
}

const postgres = await usePostgres();
const folder = await createServerFolder();
const children = new ChildProcesses();
try {
  const url = await postgres.createDatabase();
  const { adminPort } = await startWeir({ children, folder, execArgv: [] }, { DATABASE_URL: url, WEIR_ROLE: 'admin' });
  process.stderr.write(`lists: inserting ${formatCount(ROWS)} accounts and as many keys\n`);
  await fillCatalog(url, ROWS);
  const table: string[][] = [];
  await AdminClient.withBenchPlan(adminPort, async (admin) => {
    for (const list of LISTS) {
      for (const filter of list.filters) {
        for (const showDeleted of [false, true]) {
          const { rows, median, max } = await measure(admin, list, filter, showDeleted);
          const name = `${list.method}${showDeleted ? ', showDeleted' : ''}`;
          table.push([name, filter, String(rows), median.toFixed(0), max.toFixed(0)]);
          process.stderr.write(`${table.at(-1)?.join(' | ')}\n`);
        }
      }
    }
  });
  const head = ['method', 'filter', 'rows of up to 5 pages', 'median ms of a page', 'slowest'];
  process.stdout.write(
    `${formatMachine(describeMachine())}, ${formatCount(ROWS)} rows\n\n${formatTable(head, table, 2)}\n`,
  );
} finally {
  await children.stopAll();
  await postgres.stop();
  await rm(folder, { recursive: true });
}

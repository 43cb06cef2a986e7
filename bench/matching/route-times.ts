import { RouteTable } from '../../src/domain/routes/route-table.ts';
import { parseRoutes } from '../../src/rules/routes/parse-routes.ts';

const ROUTE_COUNTS = [100, 1000, 10_000];
const REQUESTS = 1000;
const ROUNDS_PER_RUN = 400;
const RUNS = 5;
const HOST = 'api.example.com:443';

/** Requests by what they need of the table. `path` returns that of the request with this index. */
const REQUEST_KINDS: readonly { readonly title: string; readonly path: (index: number) => string }[] = [
  { title: 'literal', path: (index) => `/v1/resource${index}/search` },
  { title: 'parameter', path: (index) => `/v1/resource${index}/8d2c3a1e-2f7b-4c55` },
  { title: 'two parameters, query', path: (index) => `/v1/resource${index}/8d2c3a1e/items/17?limit=50&after=18` },
  { title: 'encoded', path: (index) => `/v1/resource${index}/caf%C3%A9` },
  { title: 'none', path: (index) => `/v2/resource${index}/search` },
];

/** Prints the time to find the route of a request, with and without hosts in the table. */
export function printRouteTimes(): void {
  for (const hosts of ['', 'hosts: [api.example.com, "*.example.org"], ']) {
    const title = hosts === '' ? 'routes for every host' : 'routes of two hosts';
    console.log(
      `\n${title}, CPU µs per request\n\n| routes | ${REQUEST_KINDS.map((kind) => kind.title).join(' | ')} |`,
    );
    console.log(`|---|${REQUEST_KINDS.map(() => '---|').join('')}`);
    for (const routeCount of ROUTE_COUNTS) {
      const table = createTable(routeCount, hosts);
      const cells = REQUEST_KINDS.map(({ path }) => {
        const paths = Array.from({ length: REQUESTS }, (_, index) => path(index % Math.floor(routeCount / 4)));
        return measureMicros(table, paths).toFixed(2);
      });
      console.log(`| ${routeCount} | ${cells.join(' | ')} |`);
    }
  }
}

/** Creates four routes for each resource, as an OpenAPI document would have them. */
function createTable(routeCount: number, hosts: string): RouteTable {
  const lines: string[] = [];
  for (let index = 0; index < routeCount / 4; index++) {
    for (const path of ['', '/search', '/{id}', '/{id}/items/{item}']) {
      lines.push(`  - {name: r${lines.length}, ${hosts}methods: [GET, PUT], path: "/v1/resource${index}${path}"}`);
    }
  }
  const parsed = parseRoutes('routes.yaml', `routes:\n${lines.join('\n')}\n`);
  if ('faults' in parsed) throw new Error(JSON.stringify(parsed.faults[0]));
  const table = new RouteTable();
  for (const route of parsed.routes) table.add(route);
  return table;
}

/** CPU time per request in µs, of the shortest of several runs. */
function measureMicros(table: RouteTable, paths: readonly string[]): number {
  const runs: number[] = [];
  let matches = 0;
  for (let run = 0; run < RUNS; run++) {
    const start = process.cpuUsage();
    for (let round = 0; round < ROUNDS_PER_RUN; round++) {
      for (const path of paths) if (table.find(HOST, 'GET', path) !== undefined) matches++;
    }
    const { user, system } = process.cpuUsage(start);
    runs.push((user + system) / (ROUNDS_PER_RUN * paths.length));
  }
  // Uses the count. V8 could leave out calls whose results nothing uses.
  if (matches < 0) throw new Error('matches: must not be negative');
  return Math.min(...runs);
}

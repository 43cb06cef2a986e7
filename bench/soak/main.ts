// npm run soak: a fixed load on one node with a real Redis and Postgres for 15 minutes. Writes its part of
// docs/benchmarks.md. `-- --minutes 1.5` only prints the results of a shorter run. Fails if a target is not met.
import { parseArgs } from 'node:util';
import { findFreePort } from '../../provision/free-port.ts';
import { startPostgres } from '../../provision/postgres.ts';
import { startRedis } from '../../provision/redis.ts';
import { createApiKeys } from '../catalog/create-api-keys.ts';
import { encodeRequestMessages } from '../load/request-messages.ts';
import { ChildProcesses } from '../processes/child-processes.ts';
import { createInspectorArgument } from '../processes/heap-inspector.ts';
import { stopOnSignal } from '../processes/stop-on-signal.ts';
import { updateBenchmarksPage } from '../report/benchmarks-page.ts';
import { describeMachine } from '../report/machine.ts';
import { formatTargetTable } from '../report/result-tables.ts';
import { createServerFolder, startWeir } from '../servers/start-weir.ts';
import { measureSoak } from './measure-soak.ts';
import { checkSoakTargets, formatSoakTable } from './soak-results.ts';

const DEFAULT_MINUTES = 15;
const CALLS_PER_SECOND = 600;
const KEYS = 1_000;

const { values } = parseArgs({ options: { minutes: { type: 'string', default: `${DEFAULT_MINUTES}` } } });
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new Error(`--minutes: must be a number above 0 (got "${values.minutes}")`);

const children = new ChildProcesses();
const folder = await createServerFolder();
const stopper = stopOnSignal(children, folder);
try {
  await run();
} finally {
  await stopper.stop();
}

async function run(): Promise<void> {
  const redis = await startRedis();
  children.addStopAction(() => redis.stop());
  const postgres = await startPostgres();
  children.addStopAction(() => postgres.stop());
  const inspectorPort = await findFreePort();
  const weir = await startWeir(
    { children, folder, execArgv: [createInspectorArgument(inspectorPort)] },
    { REDIS_URL: redis.url, DATABASE_URL: await postgres.createDatabase() },
  );
  const secrets = await createApiKeys(weir.adminPort, KEYS);
  const check = { kind: 'check', credential: 'api_key', secrets } as const;
  const rateLimit = { kind: 'rate_limit', domain: 'bench', key: 'tenant', values: KEYS } as const;
  const cycles = [check, rateLimit].map((requests) => ({
    kind: requests.kind,
    messages: encodeRequestMessages(requests),
  }));
  const result = await measureSoak({ weir, inspectorPort, cycles, callsPerSecond: CALLS_PER_SECOND, minutes });
  const targets = checkSoakTargets(result);
  process.stdout.write(`${formatSoakTable(result)}\n\n${formatTargetTable(targets)}\n`);
  if (minutes === DEFAULT_MINUTES) {
    updateBenchmarksPage({ soak: { machine: describeMachine(), command: 'npm run soak', ...result } });
  }
  process.exitCode = targets.every(({ isMet }) => isMet) ? 0 : 1;
}

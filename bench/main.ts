// npm run bench: measures Weir against a yardstick. docs/benchmarks.md explains the results; options.ts has the
// options.
import { createGhzGenerator, findGhz } from './load/ghz-generator.ts';
import { startGenerator } from './load/start-generator.ts';
import { measureFlood } from './measure/measure-flood.ts';
import { measureMemory } from './measure/measure-memory.ts';
import { measureSpeed } from './measure/measure-speed.ts';
import { checkFloodTargets, checkMemoryTargets, checkSpeedTargets } from './measure/targets.ts';
import { type Options, parseOptions } from './options.ts';
import { ChildProcesses } from './processes/child-processes.ts';
import { stopOnSignal } from './processes/stop-on-signal.ts';
import { updateBenchmarksPage } from './report/benchmarks-page.ts';
import { describeMachine } from './report/machine.ts';
import { formatFloodTable, formatMemoryTable, formatSpeedTable, formatTargetTable } from './report/result-tables.ts';
import { startServers } from './servers/start-servers.ts';
import { createServerFolder } from './servers/start-weir.ts';

const args = process.argv.slice(2);
const command = ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' ');

const options = parseOptions(args);
if ('exitCode' in options) process.exit(options.exitCode);

const children = new ChildProcesses();
const folder = await createServerFolder();
const stopper = stopOnSignal(children, folder);
try {
  await run(options);
} catch (error) {
  // After a signal, the measurement fails because its servers have stopped.
  if (!stopper.isStopping) process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
} finally {
  await stopper.stop();
}

async function run(options: Options): Promise<void> {
  if (options.mode === 'flood') {
    const rows = await measureFlood(options, { children, folder, execArgv: [] });
    print(formatFloodTable(rows), formatTargetTable(checkFloodTargets(rows)));
    return;
  }
  const runLoad = options.ghz ? createGhzGenerator(children, await findGhz(), folder) : startGenerator(children);
  const servers = await startServers(options, children, folder);
  const machine = describeMachine();
  // Only a full run replaces the figures in docs/.
  const isFullRun = !options.quick && !options.ghz && options.only.length === 0;
  if (options.mode === 'memory') {
    const rows = await measureMemory(servers, options.millions, runLoad);
    print(formatMemoryTable(rows), formatTargetTable(checkMemoryTargets(rows)));
    if (isFullRun) updateBenchmarksPage({ memory: { machine, command, rows } });
  } else {
    const { rounds, seconds } = options;
    const rows = await measureSpeed(servers, options, runLoad);
    print(formatSpeedTable(rows), formatTargetTable(checkSpeedTargets(rows)));
    if (isFullRun) updateBenchmarksPage({ speed: { machine, command, rounds, seconds, rows } });
  }
}

function print(...paragraphs: readonly string[]): void {
  process.stdout.write(`${paragraphs.join('\n\n')}\n`);
}

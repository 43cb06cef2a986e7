// npm run bench: measures Weir beside a yardstick. See docs/benchmarks.md, and options.ts for what it takes.
import { rm } from 'node:fs/promises';
import { findGhz, ghzDrive } from './load/ghz-generator.ts';
import { startGenerator } from './load/start-generator.ts';
import { judgeFlood, measureFlood } from './measure/measure-flood.ts';
import { measureMemory } from './measure/measure-memory.ts';
import { measure } from './measure/measure-speed.ts';
import { judgeMemory, judgeSpeed } from './measure/targets.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { Children } from './processes/child-processes.ts';
import { writeReport } from './report/benchmarks-page.ts';
import { describeMachine } from './report/machine.ts';
import { floodTable, judgementTable, memoryTable, speedTable } from './report/tables.ts';
import { startServers } from './servers/start-servers.ts';
import { makeFolder } from './servers/start-weir.ts';

const args = process.argv.slice(2);
const command = ['npm run bench', ...(args.length > 0 ? ['--', ...args] : [])].join(' ');

async function run(options: Options, children: Children, folder: string): Promise<void> {
  if (options.mode === 'flood') {
    const rows = await measureFlood(options, children, { children, folder, execArgv: [] });
    print(floodTable(rows), judgementTable(judgeFlood(rows)));
    return;
  }
  const drive = options.ghz ? ghzDrive(children, await findGhz(), folder) : startGenerator(children);
  const servers = await startServers(options, children, folder);
  const machine = describeMachine();
  const isFull = !options.quick && !options.ghz && options.only.length === 0;
  if (options.mode === 'memory') {
    const rows = await measureMemory(servers, options.millions, drive);
    print(memoryTable(rows), judgementTable(judgeMemory(rows)));
    if (isFull) writeReport({ memory: { machine, command, rows } });
  } else {
    const { rounds, seconds } = options;
    const rows = await measure(servers, options, drive);
    print(speedTable(rows), judgementTable(judgeSpeed(rows)));
    if (isFull) writeReport({ speed: { machine, command, rounds, seconds, rows } });
  }
}

function print(...parts: readonly string[]): void {
  process.stdout.write(`${parts.join('\n\n')}\n`);
}

function optionsOrUsage(): Options {
  try {
    return readOptions(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${USAGE}\n`);
    process.exit(2);
  }
}

const options = optionsOrUsage();
const children = new Children();
const folder = await makeFolder();
let stopping: Promise<void> | undefined;
function stop(): Promise<void> {
  stopping ??= children.stopAll().then(() => rm(folder, { recursive: true, force: true }));
  return stopping;
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => void stop().then(() => process.exit(1)));
}
try {
  await run(options, children, folder);
} catch (error) {
  if (stopping === undefined) process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
} finally {
  await stop();
}

// node scripts/run.mjs FILE [ARGUMENT...]: runs FILE with a Node that is new enough, passes signals on, ends as it ends.
import { spawn } from 'node:child_process';
import { environment, nodeExecutable } from './toolchain.mjs';

const child = spawn(nodeExecutable(), process.argv.slice(2), { env: environment(), stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});

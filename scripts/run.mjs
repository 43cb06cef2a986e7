// node scripts/run.mjs FILE [ARGUMENT...]: runs FILE with a Node that is new enough. Forwards signals to it, and ends
// the way it ends: with the same exit code or by the same signal.
import { spawn } from 'node:child_process';
import { createEnvironment, findNode } from './toolchain.mjs';

const child = spawn(findNode(), process.argv.slice(2), { env: createEnvironment(), stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});

// The primary process of a node with several workers: it starts the processes that decide, gives them their connections, and
// answers `weir serve`, which starts it, for all of them.
import path from 'node:path';

// Ctrl-C reaches all processes of a terminal. The control process says when this one stops.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});

const [{ answerControlProcess }, { preparePool }] = await Promise.all([
  import('./app/decisions/answer-control-process.ts'),
  import('./app/decisions/prepare-pool.ts'),
]);
const program = new URL(`./decision-worker${path.extname(import.meta.filename)}`, import.meta.url);
answerControlProcess((config, output) => preparePool(program, config, output));

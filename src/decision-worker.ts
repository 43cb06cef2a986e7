// A process that decides. `weir serve` starts it, or the primary process, with a channel
// (workers/supervision/worker-process.ts).

// Ctrl-C reaches all processes of a terminal. The process that has started this one says when it stops.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});

const [{ answerControlProcess }, { prepareWorker }] = await Promise.all([
  import('./app/decisions/answer-control-process.ts'),
  import('./app/decisions/prepare-worker.ts'),
]);
answerControlProcess(prepareWorker);

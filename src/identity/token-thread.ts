import { parentPort } from 'node:worker_threads';
import { TokenJudge } from './token-judge.ts';
import { KeysUnavailable } from './token-keys.ts';
import type { FromThread, ToThread } from './token-messages.ts';

// The entry of the thread that token-verifier.ts starts.
if (parentPort === null) throw new Error('token-thread.ts is the entry of a thread');
const port = parentPort;
const judge = new TokenJudge(() => ({
  prepare: () => Promise.reject(new KeysUnavailable('keys are not fetched yet')),
  find: async () => [],
}));
let finished: FromThread[number][] = [];

port.on('message', (message: ToThread) => {
  if (message.kind === 'trust') judge.trust(message);
  else
    for (const job of message.jobs) {
      void judge.judge(job).then((judgement) => finish({ id: job.id, judgement }));
    }
});

function finish(result: FromThread[number]): void {
  if (finished.push(result) > 1) return;
  setImmediate(() => {
    const message: FromThread = finished;
    finished = [];
    port.postMessage(message);
  });
}

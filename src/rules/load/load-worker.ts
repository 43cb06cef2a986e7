import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import type { LoadMessage, LoadRequest } from './load-in-worker.ts';
import { InvalidRules, loadRules } from './load-rules.ts';
import { splitRuleBook } from './rule-book-transfer.ts';

// Loads rules in a worker thread and sends them to load-in-worker.ts. Any error but InvalidRules ends the thread, and
// rejects the promise of the caller.
const { rulesPath, options } = workerData as LoadRequest; // from load-in-worker.ts
for await (const message of loadMessages()) {
  parentPort?.postMessage(message);
  if ('chunk' in message && parentPort !== null) await once(parentPort, 'message');
}

async function* loadMessages(): AsyncGenerator<LoadMessage, void> {
  try {
    for (const chunk of splitRuleBook(await loadRules(rulesPath, options))) yield { chunk };
    yield { isComplete: true };
  } catch (error) {
    if (!(error instanceof InvalidRules)) throw error;
    yield { faults: error.faults };
  }
}

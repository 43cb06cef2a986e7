import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import type { Loaded } from './load-in-worker.ts';
import { InvalidRules, loadRules } from './load-rules.ts';
import { ruleBookParts } from './rule-book-transfer.ts';

// Whatever else goes wrong ends this thread, and is told to the one that started it.
const place = workerData as string; // load-in-thread.ts gives it
for await (const message of load(place)) {
  parentPort?.postMessage(message);
  if ('part' in message && parentPort !== null) await once(parentPort, 'message');
}

async function* load(from: string): AsyncGenerator<Loaded, void> {
  try {
    for (const part of ruleBookParts(await loadRules(from))) yield { part };
    yield { isWhole: true };
  } catch (error) {
    if (!(error instanceof InvalidRules)) throw error;
    yield { faults: error.faults };
  }
}

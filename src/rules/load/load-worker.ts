import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import type { LoadMessage, LoadRequest } from './load-in-worker.ts';
import { type CheckedRules, InvalidRules, loadCheckedRules, loadRulesTexts } from './load-rules.ts';
import { splitRuleBook } from './rule-book-transfer.ts';

// Loads rules in a worker thread and sends them to load-in-worker.ts. Any error but InvalidRules ends the thread, and
// rejects the promise of the caller.
const request = workerData as LoadRequest; // from load-in-worker.ts
for await (const message of loadMessages()) {
  parentPort?.postMessage(message);
  if ('chunk' in message && parentPort !== null) await once(parentPort, 'message');
}

/** Warnings name positions in files, so texts have none. Nobody asks for the version of texts. */
async function load(request: LoadRequest): Promise<CheckedRules> {
  const { options } = request;
  if ('rulesPath' in request) return loadCheckedRules(request.rulesPath, options);
  return { book: loadRulesTexts(request.texts, options), files: [], version: '', warnings: [] };
}

async function* loadMessages(): AsyncGenerator<LoadMessage, void> {
  try {
    const { book, ...rest } = await load(request);
    for (const chunk of splitRuleBook(book)) yield { chunk };
    yield { rest };
  } catch (error) {
    if (!(error instanceof InvalidRules)) throw error;
    yield { faults: error.faults };
  }
}

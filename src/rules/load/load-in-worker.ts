import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { RulesFault } from '../yaml/rules-fault.ts';
import type { LimitInterner } from './limit-interner.ts';
import { type CheckedRules, InvalidRules, type RulesText } from './load-rules.ts';
import { RuleBookAssembler, type RuleBookChunk } from './rule-book-transfer.ts';
import type { RulesFolderOptions } from './rules-folder.ts';

/** Data of the worker: what to load. */
export type LoadRequest = { readonly options: RulesFolderOptions } & (
  | { readonly rulesPath: string }
  | { readonly texts: readonly RulesText[] }
);

/** A message from the worker. It sends chunks, each one when asked, and then the `rest`; or only `faults`. */
export type LoadMessage =
  | { readonly chunk: RuleBookChunk }
  | { readonly rest: Omit<CheckedRules, 'book'> }
  | { readonly faults: readonly RulesFault[] };

/** Limits the worker's heap. A file that needs more is rejected, and the process survives. */
const MAX_HEAP_MB = 2048;
/**
 * Loading creates little short-lived garbage, so a small young generation suffices. A larger one would fill up
 * completely before the first collection.
 */
const MAX_YOUNG_GENERATION_MB = 8;

/**
 * Loads rules as `loadCheckedRules` does, in a worker thread. Loading 100,000 rules takes a second, in which decisions would
 * wait. The book arrives in chunks, between which decisions continue. Also rejects when the worker runs out of memory.
 */
export async function loadRulesInWorker(request: LoadRequest, interner: LimitInterner): Promise<CheckedRules> {
  const file = fileURLToPath(import.meta.url);
  const worker = new Worker(path.join(path.dirname(file), `load-worker${path.extname(file)}`), {
    workerData: request,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB, maxYoungGenerationSizeMb: MAX_YOUNG_GENERATION_MB },
  });
  try {
    return await receiveRuleBook(worker, new RuleBookAssembler(interner));
  } finally {
    await worker.terminate();
  }
}

async function receiveRuleBook(worker: Worker, assembler: RuleBookAssembler): Promise<CheckedRules> {
  for (;;) {
    const [message] = (await once(worker, 'message')) as [LoadMessage]; // load-worker.ts sends nothing else
    if ('faults' in message) throw new InvalidRules(message.faults);
    if ('rest' in message) return { book: assembler.book, ...message.rest };
    assembler.add(message.chunk);
    worker.postMessage('next');
  }
}

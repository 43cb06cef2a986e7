import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { RuleBook } from '../../domain/rules/rule-book.ts';
import type { RulesFault } from '../yaml/rules-fault.ts';
import type { LimitInterner } from './limit-interner.ts';
import { InvalidRules } from './load-rules.ts';
import { BookBuilder, type BookPart } from './rule-book-transfer.ts';

/** What the thread answers: one part after the other, each when it is asked for, and then that it was all; or faults. */
export type Loaded =
  | { readonly part: BookPart }
  | { readonly isWhole: true }
  | { readonly faults: readonly RulesFault[] };

/** MB of its heap: a file that needs more is refused, and does not take the process with it. */
const MOST_MEMORY = 2048;
/** MB: reading makes little that is soon of no use, and a larger one is taken in whole before anything is let go. */
const YOUNG_MEMORY = 8;

/**
 * As `loadRules`, in a thread of its own: reading takes a second for 100,000 rules, in which decisions would wait. The
 * book comes in parts, between which they go on. Rejects also when the thread runs out of memory.
 */
export async function loadRulesInWorker(place: string, known: LimitInterner): Promise<RuleBook> {
  const file = fileURLToPath(import.meta.url);
  const thread = new Worker(path.join(path.dirname(file), `load-worker${path.extname(file)}`), {
    workerData: place,
    resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY, maxYoungGenerationSizeMb: YOUNG_MEMORY },
  });
  try {
    return await receiveBook(thread, new BookBuilder(known));
  } finally {
    await thread.terminate();
  }
}

async function receiveBook(thread: Worker, builder: BookBuilder): Promise<RuleBook> {
  for (;;) {
    const [loaded] = (await once(thread, 'message')) as [Loaded]; // load-worker.ts sends nothing else
    if ('faults' in loaded) throw new InvalidRules(loaded.faults);
    if ('isWhole' in loaded) return builder.book;
    builder.add(loaded.part);
    thread.postMessage('next');
  }
}

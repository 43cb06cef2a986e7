import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { RuleBook } from '../core/rules.ts';
import { InvalidRules } from './load.ts';
import type { RulesFault } from './yaml-reader.ts';

/** What the thread answers. */
export type Loaded = { readonly book: RuleBook } | { readonly faults: readonly RulesFault[] };

/** MB of its heap: a file that needs more is refused, and does not take the process with it. */
const MOST_MEMORY = 2048;

/**
 * As `loadRules`, in a thread of its own: reading YAML takes a tenth of a second for each thousand rules, in which
 * decisions would wait. Rejects also when the thread runs out of memory.
 */
export async function loadRulesInThread(place: string): Promise<RuleBook> {
  const file = fileURLToPath(import.meta.url);
  const thread = new Worker(path.join(path.dirname(file), `load-thread${path.extname(file)}`), {
    workerData: place,
    resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY },
  });
  const [loaded] = (await once(thread, 'message')) as [Loaded]; // load-thread.ts sends nothing else
  if ('book' in loaded) return loaded.book;
  throw new InvalidRules(loaded.faults);
}

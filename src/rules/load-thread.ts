import { parentPort, workerData } from 'node:worker_threads';
import { InvalidRules, loadRules } from './load.ts';
import type { Loaded } from './load-in-thread.ts';

// Whatever else goes wrong ends this thread, and is told to the one that started it.
parentPort?.postMessage(await load(workerData as string)); // load-in-thread.ts gives it the place

async function load(place: string): Promise<Loaded> {
  try {
    return { book: await loadRules(place) };
  } catch (error) {
    if (error instanceof InvalidRules) return { faults: error.faults };
    throw error;
  }
}

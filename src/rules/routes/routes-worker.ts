import { parentPort, workerData } from 'node:worker_threads';
import { InvalidRules } from '../load/load-rules.ts';
import { loadRoutes } from './load-routes.ts';
import type { LoadedRoutesMessage } from './watch-routes.ts';

// Loads routes in a worker thread for watch-routes.ts. Any error but InvalidRules ends the thread, and rejects the promise
// of the caller.
parentPort?.postMessage(await load(String(workerData)));

async function load(routesPath: string): Promise<LoadedRoutesMessage> {
  try {
    return { list: await loadRoutes(routesPath) };
  } catch (error) {
    if (!(error instanceof InvalidRules)) throw error;
    return { faults: error.faults };
  }
}

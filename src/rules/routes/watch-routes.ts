import { once } from 'node:events';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { RouteTable } from '../../domain/routes/route-table.ts';
import type { Logger } from '../../interfaces/logger.ts';
import { fingerprintRules } from '../load/fingerprint.ts';
import { InvalidRules } from '../load/load-rules.ts';
import { faultFields, passedOverFields } from '../load/log-faults.ts';
import { PolledFiles } from '../load/polled-files.ts';
import { DEFAULT_FOLDER_OPTIONS, listPassedOver } from '../load/rules-folder.ts';
import type { RulesFault } from '../yaml/rules-fault.ts';
import { buildRouteTable, type RouteList } from './merge-route-files.ts';

export interface WatchRoutesOptions {
  /** A file or a folder. */
  readonly routesPath: string;
  readonly log: Logger;
  /** Called after each change of the files. `isSuccess` is false when the new routes have faults. */
  readonly onReload: (isSuccess: boolean) => void;
}

/** Routes that are reloaded when their files change. */
export interface WatchedRoutes {
  /** The table in force. A successful reload replaces it; a table itself never changes. */
  readonly table: RouteTable;
  /** Resolves once no more files are read. */
  stop(): Promise<void>;
}

/** The only message from the worker. */
export type LoadedRoutesMessage = { readonly list: RouteList } | { readonly faults: readonly RulesFault[] };

/** Loads the routes and watches their files. Throws InvalidRules if they have faults at the start. */
export async function watchRoutes({ routesPath, log, onReload }: WatchRoutesOptions): Promise<WatchedRoutes> {
  const fingerprint = () => fingerprintRules(routesPath, DEFAULT_FOLDER_OPTIONS);
  const firstFingerprint = await fingerprint();
  const first = await loadInWorker(routesPath);
  const passedOver = await listPassedOver(routesPath, DEFAULT_FOLDER_OPTIONS);
  if (passedOver.length > 0) log.info(passedOverFields(passedOver), 'files in the routes folder were passed over');
  const files = new PolledFiles<RouteTable>(
    {
      fingerprint,
      load: () => loadInWorker(routesPath),
      async onLoaded({ size }) {
        const passedOver = await listPassedOver(routesPath, DEFAULT_FOLDER_OPTIONS);
        log.info({ routes: size, ...passedOverFields(passedOver) }, 'routes reloaded');
        onReload(true);
      },
      onFailed(error) {
        log.error(faultFields(error), 'routes reload failed; the previous routes stay in force');
        onReload(false);
      },
    },
    first,
    firstFingerprint,
  );
  files.start();
  return {
    get table() {
      return files.current;
    },
    stop: () => files.stop(),
  };
}

/** Loads the routes in a worker thread, so that decisions continue meanwhile. */
async function loadInWorker(routesPath: string): Promise<RouteTable> {
  const file = fileURLToPath(import.meta.url);
  const worker = new Worker(path.join(path.dirname(file), `routes-worker${path.extname(file)}`), {
    workerData: routesPath,
  });
  try {
    const [message] = (await once(worker, 'message')) as [LoadedRoutesMessage]; // routes-worker.ts sends nothing else
    if ('faults' in message) throw new InvalidRules(message.faults);
    return buildRouteTable(message.list);
  } finally {
    await worker.terminate();
  }
}

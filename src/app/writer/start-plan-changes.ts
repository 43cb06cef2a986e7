import { type ApplyOptions, applyDuePlanChanges } from '../../admin/plan-changes/apply-plan-changes.ts';

const INTERVAL_MS = 1_000;
/** A failure is most often that of Postgres or Redis, and lasts. */
const RETRY_MS = 15_000;

/** Makes scheduled changes of plans, looking for them every second. For nodes that write the catalog. Returns how to stop it. */
export function startPlanChanges(options: ApplyOptions): () => Promise<void> {
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  const runLater = (ms: number) => {
    if (stopping.signal.aborted) return;
    timer = setTimeout(() => {
      running = run();
    }, ms);
    timer.unref();
  };
  const run = async () => {
    try {
      const isComplete = await applyDuePlanChanges(options, stopping.signal);
      runLater(isComplete ? INTERVAL_MS : RETRY_MS);
    } catch (error) {
      options.log.warn({ err: error }, 'could not look for scheduled changes of plans; trying again');
      runLater(RETRY_MS);
    }
  };
  runLater(INTERVAL_MS);
  return async () => {
    stopping.abort();
    clearTimeout(timer);
    await running;
  };
}

import { CommandFailed } from '../../commands/command-failed.ts';
import type { Config } from '../../config/config.ts';
import { CheckpointTable } from '../../counters/checkpoints/checkpoint-table.ts';
import { type ComparedCounter, compareCounters } from '../../counters/checkpoints/compare-counters.ts';
import { RestorableLimits } from '../../counters/checkpoints/restorable-limits.ts';
import { computeVirtualTag, VIRTUAL_TAG_COUNT } from '../../counters/redis/batch/counter-key.ts';
import { RedisStore } from '../../counters/redis/redis-store.ts';
import { openConnection } from '../../database/open-connection.ts';
import { StoreUnavailable } from '../../decide/ports.ts';
import type { StoreLogger } from '../../interfaces/logger.ts';
import { firstLine } from '../../telemetry/logger.ts';
import { type ComparedUsage, UsageComparison } from './compare-usage.ts';

/** Text that `weir reconcile` prints, and whether nothing is left to repair. */
export interface ReconcileReport {
  readonly text: string;
  readonly isInOrder: boolean;
}

const TIMEOUT_MS = 30_000;
/** Of one call. Nobody waits for a decision. */
const REDIS_DEADLINE_MS = 5_000;
const CONNECT_POLL_MS = 20;
const ROWS_PER_READ = 500;

/**
 * Compares the counters in Redis with their checkpoints, and both with usage. With `isFixing`, raises counters that have less, and writes
 * checkpoints that have less. Throws CommandFailed if Postgres or Redis cannot be asked.
 */
export async function reconcileQuotas(config: Config, isFixing: boolean, log: StoreLogger): Promise<ReconcileReport> {
  const { databaseUrl, redisUrl: url, redisAccess: access } = config;
  if (databaseUrl === undefined) throw new CommandFailed('DATABASE_URL: must be set to the database of the nodes');
  if (url === undefined) {
    throw new CommandFailed('REDIS_URL: must be set: counters in the memory of a node cannot be read from here');
  }
  await using resources = new AsyncDisposableStack();
  const { query, close } = openConnection({ url: databaseUrl, timeoutMs: TIMEOUT_MS });
  resources.defer(close);
  // The nodes do not wait for this process after a failover.
  const failover = { isAwaited: false, coveredMs: 0 };
  const store = new RedisStore({ url, access, deadlineMs: REDIS_DEADLINE_MS, logger: log, failover });
  resources.defer(() => store.close());
  try {
    await waitUntilReady(store);
    const report = new Report();
    const usage = await UsageComparison.open(query);
    for await (const counters of compareAll(new CheckpointTable(query), store)) {
      const { lost, ahead } = report.add(counters, await usage.compare(counters));
      if (isFixing) await fix(new CheckpointTable(query), store, lost, ahead);
    }
    return report.finish(isFixing);
  } catch (error) {
    const isStoreAway = error instanceof StoreUnavailable;
    const message = firstLine(error instanceof Error ? error.message : String(error));
    throw new CommandFailed(`${isStoreAway ? 'REDIS_URL' : 'DATABASE_URL'}: ${message}`);
  }
}

/** The lines of a report, and how many counters each kind of them is about. */
class Report {
  readonly #lines: string[] = [];
  #compared = 0;
  #lost = 0;
  #ahead = 0;
  #withUsage = 0;
  #differing = 0;

  /** Returns the counters to repair. */
  add(
    counters: readonly ComparedCounter[],
    withUsage: readonly ComparedUsage[],
  ): { readonly lost: readonly ComparedCounter[]; readonly ahead: readonly ComparedCounter[] } {
    const lost = counters.filter(isLost);
    const ahead = counters.filter((each) => !isLost(each) && each.counted > each.checkpoint.used);
    const differing = withUsage.filter(({ counted, recorded }) => counted !== recorded);
    this.#lines.push(...[...lost, ...ahead].map(formatCounter), ...differing.map(formatUsage));
    this.#compared += counters.length;
    this.#lost += lost.length;
    this.#ahead += ahead.length;
    this.#withUsage += withUsage.length;
    this.#differing += differing.length;
    return { lost, ahead };
  }

  finish(isFixing: boolean): ReconcileReport {
    const counters = `${this.#compared} counters compared: ${this.#lost} lack hits, ${this.#ahead} are ahead of their checkpoints`;
    const usage = `${this.#withUsage} compared with usage: ${this.#differing} differ`;
    const text = `${this.#lines.join('')}${counters}${isFixing ? '; all were repaired' : ''}.\n${usage}.\n`;
    return { text, isInOrder: isFixing || this.#lost === 0 };
  }
}

async function waitUntilReady(store: RedisStore): Promise<void> {
  const giveUpAt = performance.now() + REDIS_DEADLINE_MS;
  while (!store.ready) {
    if (performance.now() > giveUpAt) throw new StoreUnavailable('Redis does not answer', 'disconnected');
    await new Promise((resolve) => setTimeout(resolve, CONNECT_POLL_MS));
  }
}

/** Yields the counters of all checkpoints, some at a time. */
async function* compareAll(table: CheckpointTable, store: RedisStore): AsyncGenerator<readonly ComparedCounter[]> {
  const limits = new RestorableLimits();
  for (let tag = 0; tag < VIRTUAL_TAG_COUNT; tag++) {
    for await (const rows of table.pages(tag, ROWS_PER_READ)) {
      yield await compareCounters(store, limits, rows, Date.now() * 1000);
    }
  }
}

async function fix(
  table: CheckpointTable,
  store: RedisStore,
  lost: readonly ComparedCounter[],
  ahead: readonly ComparedCounter[],
): Promise<void> {
  const counters = lost.map(({ checkpoint: { subject, used, periodEnd }, limit }) => ({
    subject,
    limit,
    used,
    periodEnd,
  }));
  for (const [tag, ofTag] of Map.groupBy(counters, ({ subject }) => computeVirtualTag(subject))) {
    await store.quotas.raiseCounters(tag, ofTag);
  }
  await table.write(
    ahead.map(({ checkpoint: { id: _, ...checkpoint }, counted: used, countedAt: observedAt }) => {
      return { ...checkpoint, used, observedAt, refunded: 0 };
    }),
  );
}

/** Whether the counter has less than its checkpoint, or none of the credits that were added beyond those spent. */
function isLost({ checkpoint: { used }, counted }: ComparedCounter): boolean {
  return counted < used || (used < 0 && counted === 0);
}

function formatCounter(compared: ComparedCounter): string {
  const { checkpoint, counted } = compared;
  const verdict = isLost(compared) ? 'LACKS HITS' : 'ahead     ';
  return `${verdict}  ${checkpoint.subject}  ${checkpoint.identity}  counter ${counted}  checkpoint ${checkpoint.used}\n`;
}

function formatUsage({ counter: { checkpoint }, counted, recorded }: ComparedUsage): string {
  return `usage       ${checkpoint.subject}  ${checkpoint.identity}  counted ${counted}  usage ${recorded}\n`;
}

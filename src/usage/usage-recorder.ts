import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../interfaces/logger.ts';
import type { Query } from '../interfaces/query.ts';
import { PendingUsage, type UsageFlush } from './pending-usage.ts';
import type { UsageFile } from './usage-file.ts';
import { NodeUsageTally } from './usage-tally.ts';
import { writeUsage } from './write-usage.ts';

export interface UsageRecorderOptions {
  /** Identifies this process. Must be unique among all processes. */
  readonly node: string;
  readonly query: Query;
  /** Keeps usage while Postgres is away. */
  readonly file: Pick<UsageFile, 'read' | 'write' | 'remove'>;
  /** Files of former workers, whose usage this one takes over. */
  readonly formerFiles?: readonly Pick<UsageFile, 'read' | 'remove'>[];
  readonly log: Pick<Logger, 'info' | 'warn'>;
}

const HOUR_SECONDS = 3600;
/** A write that takes longer may fail, or never get an answer. Until then, its usage would be in memory alone. */
const SLOW_WRITE_MS = 1000;

/**
 * Records usage: counts it in memory, and writes it to Postgres exactly once. Usage that cannot be written is kept in
 * memory and in a file, so that also a restart loses none of it.
 */
export class UsageRecorder {
  readonly tally = new NodeUsageTally();
  readonly #options: UsageRecorderOptions;
  readonly #pending: PendingUsage;
  /** Start of the hour that the tally counts, as Unix time in seconds. */
  #hour: number;
  #isFailing = false;
  #isWriting = false;
  #hasFile = false;
  /** The last change of the file. They are made one after the other. */
  #fileChange = Promise.resolve();

  /** `now` is Unix time in ms. */
  constructor(options: UsageRecorderOptions, now: number) {
    this.#options = options;
    this.#pending = new PendingUsage(options.node);
    this.#hour = toHour(now);
  }

  /** Rows that are not known to be written, without those of the current interval. */
  get backlog(): number {
    return this.#pending.size;
  }

  /** Requests that were counted for the route `other`. */
  get requestsOnOtherRoutes(): number {
    return this.tally.requestsOnOtherRoutes;
  }

  /** Requests since the start, by plan. */
  get plans(): NodeUsageTally['plans'] {
    return this.tally.plans;
  }

  /** Requests that were lost, because there were too many rows. */
  get dropped(): number {
    return this.tally.dropped + this.#pending.dropped;
  }

  /** Takes over what previous processes could not write. A file that cannot be used does not stop the start. */
  async restore(): Promise<void> {
    for (const file of this.#files) await this.#restoreFile(file);
    this.#hasFile = this.#pending.size > 0;
    if (this.#hasFile) this.#options.log.info({ rows: this.#pending.size }, 'restored the usage that was not written');
  }

  async #restoreFile(file: Pick<UsageFile, 'read'>): Promise<void> {
    try {
      this.#pending.restore(await file.read());
    } catch (error) {
      this.#options.log.warn({ err: error }, 'could not restore the usage that was not written; it is lost');
    }
  }

  get #files(): readonly Pick<UsageFile, 'read' | 'remove'>[] {
    const { file, formerFiles = [] } = this.#options;
    return [file, ...formerFiles];
  }

  /** Ends the current interval: its usage is pending. The next interval belongs to the hour of `now`, Unix time in ms. */
  startInterval(now: number): void {
    this.#pending.add(this.#hour, this.tally.take());
    this.#hour = toHour(now);
    if (this.#isWriting) void this.keep();
  }

  /**
   * Writes what is pending. Never rejects: on failure it stays pending and is kept in the file, also while Postgres takes
   * long. Calls must not overlap.
   */
  async flush(): Promise<void> {
    const { log } = this.#options;
    this.#isWriting = true;
    const slow = setTimeout(() => void this.keep(), SLOW_WRITE_MS);
    slow.unref();
    try {
      for (let flush = this.#pending.next(); flush !== undefined; flush = this.#pending.next()) {
        await this.#write(flush);
      }
      if (this.#isFailing) log.info({}, 'writing usage recovered');
      this.#isFailing = false;
      await this.#removeFile();
    } catch (error) {
      if (!this.#isFailing) log.warn({ err: error }, 'writing usage failed; keeping it for the next attempt');
      this.#isFailing = true;
      await this.keep();
    } finally {
      clearTimeout(slow);
      this.#isWriting = false;
    }
  }

  /** Rows that Postgres can never take are dropped, so that they do not keep all others from being written. */
  async #write(flush: UsageFlush): Promise<void> {
    const { query, log } = this.#options;
    try {
      await writeUsage(query, flush);
      this.#pending.acknowledge();
    } catch (error) {
      if (!isRefused(error)) throw error;
      log.warn({ err: error, rows: flush.rows.length }, 'Postgres cannot take some usage; it is lost');
      this.#pending.discard();
    }
  }

  /** Keeps what is pending in the file. Never rejects. */
  keep(): Promise<void> {
    this.#fileChange = this.#fileChange.then(() => this.#writeFile());
    return this.#fileChange;
  }

  async #writeFile(): Promise<void> {
    const { file, log } = this.#options;
    if (this.#pending.size === 0) return;
    try {
      this.#hasFile = true;
      await file.write(this.#pending.flushes);
    } catch (error) {
      log.warn({ err: error, rows: this.#pending.size }, 'could not keep usage in a file; it is in memory only');
    }
  }

  /** Waits for a copy that is being written. Rejects if the file cannot be removed. */
  async #removeFile(): Promise<void> {
    await this.#fileChange;
    if (!this.#hasFile) return;
    for (const file of this.#files) await file.remove();
    this.#hasFile = false;
  }
}

/** Whether Postgres has refused the values of a statement: data exceptions, violated constraints and exceeded limits. */
function isRefused(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(22|23|54)[0-9A-Z]{3}$/.test(String(error.code));
}

/** Nodes share the seconds of the clock. A random delay of up to this part of the interval keeps them apart. */
const MAX_DELAY_PART = 1 / 12;

export interface RunningRecorder {
  readonly recorder: UsageRecorder;
  /** Writes once more. What cannot be written is kept in the file for the next start. */
  stop(): Promise<void>;
}

/** Starts to write usage once in each interval. `stopTimeoutMs` is the time that a stop waits for Postgres. */
export async function startUsageRecorder(
  options: UsageRecorderOptions,
  { intervalMs, stopTimeoutMs }: { readonly intervalMs: number; readonly stopTimeoutMs: number },
): Promise<RunningRecorder> {
  const recorder = new UsageRecorder(options, Date.now());
  await recorder.restore();
  const stopping = new AbortController();
  void endIntervals(recorder, intervalMs, stopping.signal);
  const writing = writeIntervals(recorder, intervalMs, stopping.signal);
  return {
    recorder,
    async stop() {
      stopping.abort();
      recorder.startInterval(Date.now());
      // First: whatever ends the process from here on, the next one has it.
      await recorder.keep();
      const last = writing.then(() => recorder.flush());
      await Promise.race([last, sleep(stopTimeoutMs, undefined, { ref: false })]);
    },
  };
}

/** Ends intervals on time, however long a write takes: none crosses an hour. */
async function endIntervals(recorder: UsageRecorder, intervalMs: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    await pause(untilNextInterval(intervalMs), signal);
    if (signal.aborted) return;
    recorder.startInterval(Date.now());
  }
}

/** Writes what is pending a moment after the end of an interval. Resolves after the last write has ended. */
async function writeIntervals(recorder: UsageRecorder, intervalMs: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    await pause(untilNextInterval(intervalMs) + Math.random() * intervalMs * MAX_DELAY_PART, signal);
    if (signal.aborted) return;
    await recorder.flush();
  }
}

/** In ms, more than 0. */
function untilNextInterval(intervalMs: number): number {
  const now = Date.now();
  const hourMs = HOUR_SECONDS * 1000;
  return Math.min(intervalMs - (now % intervalMs), hourMs - (now % hourMs));
}

/** Resolves after `ms`, or as soon as the signal aborts. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => {}); // aborting is how the loop ends, and no failure
}

function toHour(unixMs: number): number {
  return Math.floor(unixMs / 1000 / HOUR_SECONDS) * HOUR_SECONDS;
}

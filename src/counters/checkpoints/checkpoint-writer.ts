import { setTimeout as sleep } from 'node:timers/promises';
import type { StoreLogger } from '../../interfaces/logger.ts';
import { checkpointId } from './checkpoint-id.ts';
import type { CheckpointLog } from './checkpoint-log.ts';
import type { CheckpointTable, ObservedCheckpoint } from './checkpoint-table.ts';

export interface CheckpointWriterOptions {
  readonly log: CheckpointLog;
  readonly table: Pick<CheckpointTable, 'write' | 'replace'>;
  /** Whether lost counters wait to be restored. Until then nothing is written: the table knows more than the counters. */
  readonly isRestoring: () => boolean;
  readonly logger: StoreLogger;
}

/** At most this much use is lost with the counters and the process that noted it. */
export const WRITE_INTERVAL_MS = 10_000;
/** Bounds the rows that one statement locks. */
const MAX_ROWS_PER_STATEMENT = 2_000;
/** Manual changes of counters that wait while Postgres is away. */
const MAX_REPLACEMENTS = 10_000;

/** Writes the log of checkpoints to the table, every 10 s. What could not be written is kept, and written later. */
export class CheckpointWriter {
  written = 0;
  /** When everything was last written, on the clock of performance.now(). */
  writtenAt = performance.now();
  readonly #options: CheckpointWriterOptions;
  /** Manual changes that could not be written yet, by id of the checkpoint. */
  readonly #replacements = new Map<string, ObservedCheckpoint>();
  readonly #stopping = new AbortController();
  #writing: Promise<void>;
  #isFailing = false;

  constructor(options: CheckpointWriterOptions) {
    this.#options = options;
    this.#writing = this.#keepWriting(this.#stopping.signal);
  }

  /**
   * Writes the use of counters that an administrator has just changed, also where it is lower than before. Never rejects: a
   * failure is logged, and they are written with the next checkpoints.
   */
  async replace(checkpoints: readonly ObservedCheckpoint[]): Promise<void> {
    for (const checkpoint of checkpoints) {
      this.#options.log.forget(checkpoint);
      if (this.#replacements.size < MAX_REPLACEMENTS) this.#replacements.set(toId(checkpoint), checkpoint);
    }
    await this.#attempt(() => this.#writeReplacements());
  }

  /** Writes what is left, for up to `patienceMs`, and stops. */
  async stop(patienceMs: number): Promise<void> {
    this.#stopping.abort();
    const lastWrite = this.#writing.then(() => this.#write());
    // Postgres may be away. A process that stops must not wait for it.
    await Promise.race([lastWrite, sleep(patienceMs, undefined, { ref: false })]);
    const { log, logger } = this.#options;
    if (log.size > 0) logger.warn({ counters: log.size }, 'checkpoints: could not write all before the stop');
  }

  async #keepWriting(signal: AbortSignal): Promise<void> {
    for (;;) {
      // Nodes that started together do not stay together.
      const pauseMs = WRITE_INTERVAL_MS * (0.8 + 0.2 * Math.random());
      await sleep(pauseMs, undefined, { signal, ref: false }).catch(() => {}); // aborting is how the loop ends
      if (signal.aborted) return;
      await this.#write();
    }
  }

  /** Never rejects. Calls must not overlap. */
  async #write(): Promise<void> {
    const { log, table, isRestoring } = this.#options;
    if (isRestoring()) return;
    await this.#attempt(async () => {
      await this.#writeReplacements();
      let rest = log.takeAll();
      try {
        while (rest.length > 0) {
          await table.write(rest.slice(0, MAX_ROWS_PER_STATEMENT));
          this.written += Math.min(rest.length, MAX_ROWS_PER_STATEMENT);
          rest = rest.slice(MAX_ROWS_PER_STATEMENT);
        }
        this.writtenAt = performance.now();
      } finally {
        log.endWrite(rest);
      }
    });
  }

  async #writeReplacements(): Promise<void> {
    const replacements = [...this.#replacements];
    await this.#options.table.replace(replacements.map(([, checkpoint]) => checkpoint));
    for (const [id, checkpoint] of replacements) {
      if (this.#replacements.get(id) === checkpoint) this.#replacements.delete(id);
    }
  }

  /** Logs the first failure, and that it is over. */
  async #attempt(write: () => Promise<void>): Promise<void> {
    const { logger } = this.#options;
    try {
      await write();
      if (this.#isFailing) logger.info({}, 'checkpoints: writing recovered');
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) {
        logger.warn({ err: error }, 'checkpoints: writing failed; keeping what quotas count for the next attempt');
      }
      this.#isFailing = true;
    }
  }
}

function toId({ subject, identity }: ObservedCheckpoint): string {
  return checkpointId(subject, identity);
}

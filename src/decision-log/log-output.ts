import { type LogTarget, stdoutTarget } from './log-target.ts';

/** Writes of up to this size to a pipe are not mixed with those of another process (PIPE_BUF of Linux). */
const MAX_WRITE_BYTES = 4_096;
const MAX_WAITING_BYTES = 1_048_576;
/** Beyond it, lines that can be left out wait elsewhere, so that there is room for the others. */
const BUSY_BYTES = 65_536;
/** Time after which a write that has not ended says that nobody reads. */
const STALLED_AFTER_MS = 250;
const STOP_POLL_MS = 10;

/**
 * Writes lines to stdout or a file and waits for nobody: while nothing reads stdout, lines wait, and those without room are
 * dropped. The asynchronous destination of pino does that, too, but a write error ends its process, and a reader that
 * stalls keeps the process from exiting.
 */
export class LogOutput {
  readonly #target: LogTarget;
  #lines: string[] = [];
  #waitingBytes = 0;
  /** When the write in progress began, on the clock of performance.now(). undefined: there is none. */
  #writingSince: number | undefined;
  #droppedLines = 0;
  #notifyFree: (() => void) | undefined;

  constructor(target: LogTarget = stdoutTarget) {
    this.#target = target;
  }

  /** Lines that were lost: there was no room, or the target did not take them. */
  get droppedLines(): number {
    return this.#droppedLines;
  }

  get isBusy(): boolean {
    return this.#waitingBytes > BUSY_BYTES;
  }

  /** Calls `notify` once, when the output is not busy any more. It replaces an earlier one. */
  onceFree(notify: () => void): void {
    this.#notifyFree = notify;
  }

  /** Takes a line with its end. Never throws. */
  write(line: string): void {
    const bytes = Buffer.byteLength(line);
    if (this.#waitingBytes + bytes > MAX_WAITING_BYTES) this.#droppedLines++;
    else {
      this.#waitingBytes += bytes;
      this.#lines.push(line);
      if (this.#writingSince === undefined) this.#writeNext();
    }
  }

  /** Waits until everything is written, but no longer than `timeoutMs`. Returns whether it is. */
  async flush(timeoutMs: number): Promise<boolean> {
    const giveUpAt = performance.now() + timeoutMs;
    while (this.#writingSince !== undefined && performance.now() < giveUpAt) {
      await new Promise((resolve) => setTimeout(resolve, STOP_POLL_MS));
    }
    return this.#writingSince === undefined;
  }

  /** Writes the rest while the process exits. If nobody reads, the process ends at once instead of waiting for a reader. */
  finishAtExit(): void {
    process.once('exit', () => {
      const writingMs = performance.now() - (this.#writingSince ?? Number.POSITIVE_INFINITY);
      // The thread that writes would keep the process from ending.
      if (writingMs > STALLED_AFTER_MS) process.kill(process.pid, 'SIGKILL');
      try {
        if (this.#lines.length > 0) this.#target.writeLast(this.#lines.join(''));
      } catch {
        // Nobody reads the log any more, so nobody misses its end.
      }
    });
  }

  #writeNext(): void {
    const batch = this.#takeBatch();
    if (batch.length === 0) this.#writingSince = undefined;
    else this.#write(Buffer.from(batch.join('')), batch.length);
    if (this.#notifyFree === undefined || this.isBusy) return;
    const notify = this.#notifyFree;
    this.#notifyFree = undefined;
    notify();
  }

  /** Takes as many lines as fit into one write, and at least one. */
  #takeBatch(): readonly string[] {
    let bytes = 0;
    let count = 0;
    for (const line of this.#lines) {
      bytes += Buffer.byteLength(line);
      if (count > 0 && bytes > MAX_WRITE_BYTES) break;
      count++;
    }
    return this.#lines.splice(0, count);
  }

  #write(bytes: Buffer, lines: number): void {
    this.#writingSince = performance.now();
    this.#target.write(bytes, (error) => {
      if (error !== undefined) this.#droppedLines += lines;
      this.#waitingBytes -= bytes.length;
      this.#writeNext();
    });
  }
}

import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  write,
  writeSync,
} from 'node:fs';
import type { LogTarget } from './log-target.ts';

/** A file for the log of a node. */
export interface LogFileSettings {
  readonly path: string;
  /** Size from which lines go to a new file. */
  readonly maxBytes: number;
  /** Files that are kept, the current one included. */
  readonly maxFiles: number;
}

/** Logs hold ids of accounts and addresses of clients. */
const FILE_MODE = 0o640;
/** Time between two checks that the file is still in its place. */
const CHECK_INTERVAL_MS = 1_000;

/**
 * A file that is replaced when it is full: `weir.log` becomes `weir.log.1`, and so on. Lines are never split between two
 * files. Another program may move the file away: lines then go to a new one within a second.
 */
export class RotatingFile implements LogTarget {
  readonly #settings: LogFileSettings;
  /** Called when writing begins to fail, and with undefined when it works again. */
  readonly #onChange: (failure: Error | undefined) => void;
  #descriptor: number;
  #bytes = 0;
  #inode = 0;
  #nextCheckAt = 0;
  #isFailing = false;

  /** Opens the file. Throws if it cannot. */
  constructor(settings: LogFileSettings, onChange: (failure: Error | undefined) => void) {
    this.#settings = settings;
    this.#onChange = onChange;
    this.#descriptor = this.#open();
  }

  write(lines: Buffer, done: (error: Error | undefined) => void): void {
    const end = (error: Error | undefined): void => {
      if ((error !== undefined) !== this.#isFailing) {
        this.#isFailing = error !== undefined;
        this.#onChange(error);
      }
      done(error);
    };
    try {
      this.#makeRoom(lines.length);
    } catch (error) {
      end(error instanceof Error ? error : new Error('the file could not be replaced'));
      return;
    }
    this.#writeAll(lines, 0, end);
  }

  writeLast(lines: string): void {
    const bytes = Buffer.from(lines);
    const written = writeSync(this.#descriptor, bytes);
    if (written < bytes.length) this.#removePart(written);
  }

  #writeAll(lines: Buffer, start: number, end: (error: Error | undefined) => void): void {
    write(this.#descriptor, lines, start, lines.length - start, null, (error, written) => {
      if (error === null && start + written < lines.length) this.#writeAll(lines, start + written, end);
      else {
        if (error === null) this.#bytes += lines.length;
        else this.#removePart(start);
        end(error ?? undefined);
      }
    });
  }

  /** Removes the beginning of lines whose end could not be written. */
  #removePart(bytes: number): void {
    if (bytes === 0) return;
    try {
      ftruncateSync(this.#descriptor, Math.max(0, fstatSync(this.#descriptor).size - bytes));
    } catch {
      // Not a regular file.
    }
  }

  #makeRoom(bytes: number): void {
    const now = performance.now();
    if (now >= this.#nextCheckAt && !this.#isInPlace()) this.#reopen();
    else if (this.#bytes > 0 && this.#bytes + bytes > this.#settings.maxBytes) {
      this.#rotate();
      this.#reopen();
    }
  }

  /** Whether the file is still there. If so, takes its size: another program may have emptied it. */
  #isInPlace(): boolean {
    const found = statSync(this.#settings.path, { throwIfNoEntry: false });
    // A file that is gone stays gone until another one is open: lines for it would be lost, uncounted.
    if (found?.ino !== this.#inode) return false;
    this.#nextCheckAt = performance.now() + CHECK_INTERVAL_MS;
    this.#bytes = found.size;
    return true;
  }

  #rotate(): void {
    const { path, maxFiles } = this.#settings;
    const name = (age: number): string => (age === 0 ? path : `${path}.${age}`);
    // Where the last new file could not be opened, the others have moved already.
    if (!existsSync(path)) return;
    rmSync(name(maxFiles - 1), { force: true });
    for (let age = maxFiles - 2; age >= 0; age--) if (existsSync(name(age))) renameSync(name(age), name(age + 1));
  }

  /** Keeps the file that is open if the new one cannot be. */
  #reopen(): void {
    const former = this.#descriptor;
    this.#descriptor = this.#open();
    closeSync(former);
  }

  #open(): number {
    const descriptor = openSync(this.#settings.path, 'a', FILE_MODE);
    const { size, ino } = fstatSync(descriptor);
    this.#bytes = size;
    this.#inode = ino;
    this.#nextCheckAt = performance.now() + CHECK_INTERVAL_MS;
    return descriptor;
  }
}

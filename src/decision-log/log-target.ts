import { writeSync, write as writeToFile } from 'node:fs';

/** Where the log goes. */
export interface LogTarget {
  /** Writes whole lines. Calls `done` once they are written, or with an error if some are lost. One write at a time. */
  write(lines: Buffer, done: (error: Error | undefined) => void): void;
  /** Writes the last lines while the process exits. Throws if it cannot. */
  writeLast(lines: string): void;
}

const STDOUT = 1;
const RETRY_MS = 100;

/** Standard output, which others may share. */
export const stdoutTarget: LogTarget = {
  write(lines, done) {
    writeToFile(STDOUT, lines, (error, written) => {
      if (error?.code === 'EAGAIN') setTimeout(() => stdoutTarget.write(lines, done), RETRY_MS);
      else if (error === null && written < lines.length) stdoutTarget.write(lines.subarray(written), done);
      else done(error ?? undefined);
    });
  },
  writeLast: (lines) => void writeSync(STDOUT, lines),
};

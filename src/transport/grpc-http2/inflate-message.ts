import { gunzip } from 'node:zlib';
import { MAX_MESSAGE_LENGTH } from './message-assembly.ts';

/** Each holds a window and up to a whole message; more at once would only take memory. */
const MOST_AT_ONCE = 4;

type Inflated = (message: Buffer | undefined, error: 'too-large' | 'not-gzip' | undefined) => void;

interface Job {
  readonly compressed: Buffer;
  readonly done: Inflated;
}

const waiting: Job[] = [];
let running = 0;

/** Inflates off the event loop, so that a bomb costs only its sender, and never to more than a message may have. */
export function inflate(compressed: Buffer, done: Inflated): void {
  waiting.push({ compressed, done });
  startNext();
}

function startNext(): void {
  if (running >= MOST_AT_ONCE) return;
  const job = waiting.shift();
  if (job === undefined) return;
  running += 1;
  gunzip(job.compressed, { maxOutputLength: MAX_MESSAGE_LENGTH }, (error, message) => {
    running -= 1;
    startNext();
    if (error === null) job.done(message, undefined);
    else job.done(undefined, 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : 'not-gzip');
  });
}

import { gunzip } from 'node:zlib';
import { MAX_MESSAGE_LENGTH } from './message-assembly.ts';

/** Each inflation holds its window and up to a whole message. More of them at once would only use more memory. */
const MAX_CONCURRENT_INFLATIONS = 4;

type OnInflated = (message: Buffer | undefined, error: 'too-large' | 'not-gzip' | undefined) => void;

interface InflationJob {
  readonly compressed: Buffer;
  readonly onInflated: OnInflated;
}

const queue: InflationJob[] = [];
let running = 0;

/**
 * Inflates a gzip message, then calls `onInflated` with the message or with the reason of the failure. It works off
 * the event loop, so a compression bomb costs only its sender. It never inflates to more than a message may have.
 */
export function inflateMessage(compressed: Buffer, onInflated: OnInflated): void {
  queue.push({ compressed, onInflated });
  startNextJob();
}

function startNextJob(): void {
  if (running >= MAX_CONCURRENT_INFLATIONS) return;
  const job = queue.shift();
  if (job === undefined) return;
  running += 1;
  gunzip(job.compressed, { maxOutputLength: MAX_MESSAGE_LENGTH }, (error, message) => {
    running -= 1;
    startNextJob();
    if (error === null) job.onInflated(message, undefined);
    else job.onInflated(undefined, 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : 'not-gzip');
  });
}

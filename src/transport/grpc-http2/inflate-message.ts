import { gunzip } from 'node:zlib';

/** Each inflation holds its window and up to a whole message. More of them at once would only use more memory. */
const MAX_CONCURRENT_INFLATIONS = 4;

type OnInflated = (message: Buffer | undefined, error: 'too-large' | 'not-gzip' | undefined) => void;

interface InflationJob {
  readonly compressed: Buffer;
  readonly maxLength: number;
  readonly onInflated: OnInflated;
}

const queue: InflationJob[] = [];
let running = 0;

/**
 * Inflates a gzip message, then calls `onInflated` with the message or with the reason of the failure. It works off
 * the event loop, so a compression bomb costs only its sender. It never inflates to more than `maxLength` bytes.
 */
export function inflateMessage(compressed: Buffer, maxLength: number, onInflated: OnInflated): void {
  queue.push({ compressed, maxLength, onInflated });
  startNextJob();
}

function startNextJob(): void {
  if (running >= MAX_CONCURRENT_INFLATIONS) return;
  const job = queue.shift();
  if (job === undefined) return;
  running += 1;
  gunzip(job.compressed, { maxOutputLength: job.maxLength }, (error, message) => {
    running -= 1;
    startNextJob();
    if (error === null) job.onInflated(message, undefined);
    else job.onInflated(undefined, 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : 'not-gzip');
  });
}

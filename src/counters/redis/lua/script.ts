import { createHash } from 'node:crypto';

/** A script that runs on Redis. Its ARGV[1] is a not-after in µs of the server's clock, its reply a PackedReply. */
export interface Script {
  readonly text: string;
  /** SHA-1 of the text in hex, by which EVALSHA names it. */
  readonly sha: string;
}

export function scriptOf(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

import { createHash } from 'node:crypto';

/** A Lua script for Redis. */
export interface Script {
  readonly text: string;
  /** By which EVALSHA names it. */
  readonly sha: string;
}

export function scriptOf(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

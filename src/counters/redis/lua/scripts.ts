import { createHash } from 'node:crypto';
import { CHARGE_LUA, CORRECT_LUA, NODES_LUA, REFUND_LUA } from '../../../generated/redis-scripts.ts';

/** A script that runs on Redis. Its ARGV[1] is a not-after in µs of the server's clock, its reply a PackedReply. */
export interface Script {
  readonly text: string;
  /** SHA-1 of the text in hex: the name of the script for EVALSHA. */
  readonly sha: string;
}

/** KEYS and ARGV of one call of a script, without ARGV[1]: the connection that sends the call adds its not-after. */
export interface ScriptArguments {
  readonly keys: readonly string[];
  readonly args: readonly (number | string)[];
}

export function createScript(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

/** Decides a batch of decisions in order, on one shard. Source: charge.lua. */
export const CHARGE_SCRIPT: Script = createScript(CHARGE_LUA);

/** Refunds receipts on one shard. Source: refund.lua. */
export const REFUND_SCRIPT: Script = createScript(REFUND_LUA);

/** Changes one counter manually. Source: correct.lua. */
export const CORRECT_SCRIPT: Script = createScript(CORRECT_LUA);

/** Announces a node and counts the live ones. Source: nodes.lua. */
export const NODES_SCRIPT: Script = createScript(NODES_LUA);

import { createHash } from 'node:crypto';
import {
  CHARGE_LUA,
  CLAIM_LUA,
  CORRECT_LUA,
  FILL_LUA,
  HISTORY_LUA,
  LATE_LUA,
  NODES_LUA,
  REFUND_LUA,
  RESTORE_LUA,
} from '../../../generated/redis-scripts.ts';

/** A script that runs on Redis. Its ARGV[1] is a not-after in µs of the server's clock, its reply a PackedReply. */
export interface Script {
  readonly text: string;
  /** SHA-1 of the text in hex: the name of the script for EVALSHA. */
  readonly sha: string;
  /**
   * Whether each call sends the text. By its name, a script that the server has lost runs only at a second attempt, behind
   * calls that were sent later.
   */
  readonly keepsOrder?: true;
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

/** Charges hits that were granted without the shard, each late charge once. Source: late.lua. */
export const LATE_SCRIPT: Script = { ...createScript(LATE_LUA), keepsOrder: true };

/** Changes one counter manually. Source: correct.lua. */
export const CORRECT_SCRIPT: Script = createScript(CORRECT_LUA);

/** Samples the keys of one server. Source: fill.lua. */
export const FILL_SCRIPT: Script = createScript(FILL_LUA);

/** Reads the history of a tag, and begins another epoch where a part of it is lost. Source: history.lua. */
export const HISTORY_SCRIPT: Script = createScript(HISTORY_LUA);

/** Announces a node and counts the live ones. Source: nodes.lua. */
export const NODES_SCRIPT: Script = createScript(NODES_LUA);

/** Claims the restore of a tag's quotas. Source: claim.lua. */
export const CLAIM_SCRIPT: Script = createScript(CLAIM_LUA);

/** Raises counters of quotas to their checkpoints. Source: restore.lua. */
export const RESTORE_SCRIPT: Script = createScript(RESTORE_LUA);

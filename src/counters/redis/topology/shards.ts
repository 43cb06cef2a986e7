import { StoreUnavailable } from '../../../decide/ports.ts';
import type { PackedReply } from '../batch/packed-reply.ts';
import type { Script, ScriptArguments } from '../lua/scripts.ts';

/** The servers that run scripts: a single server, the master that Sentinels name, or the masters of a cluster. */
export interface Shards {
  /** Whether at least one master would get a call now. Connections reopen by themselves. */
  readonly ready: boolean;

  /** Number of groups: 1, or one for each tag. */
  readonly groupCount: number;

  /**
   * Returns the group of a tag, 0 to 63 (batch/counter-key.ts). One script can use only counters of one group. On one
   * server all counters are in group 0. On a cluster the group is the tag, because all keys of a script must be in the
   * same slot.
   */
  groupForTag(tag: number): number;

  /**
   * Runs a script on the master of a group. Sends it once, and again only after a server said that it did not execute it.
   * Adds the not-after to the arguments: the deadline on the clock of the server that gets the call. Rejects with
   * StoreUnavailable at the deadline, at once when nothing can be sent, or when the server rejects the call.
   */
  run(script: Script, group: number, scriptArguments: ScriptArguments): Promise<PackedReply>;

  /** Waits for the replies to what was sent, up to the deadline, then disconnects for good. */
  close(): Promise<void>;
}

/**
 * The group's slot is migrating from one master to another, and neither has all of the keys. Nothing was executed. Scripts
 * with one key never fail this way.
 */
export class SlotMigrating extends StoreUnavailable {}

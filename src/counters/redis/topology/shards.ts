import { StoreUnavailable } from '../../../decide/ports.ts';
import type { PackedReply } from '../batch/packed-reply.ts';
import type { RunOptions } from '../connection/deadline.ts';
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
   * Returns the number of the connection that calls of a group use now. Each connection has another one, and another
   * each time that it was opened again. 0: there is none, or it was never ready.
   */
  incarnationFor(group: number): number;

  /** Returns `host:port` of the master of a group. Empty: no master is known. */
  serverFor(group: number): string;

  /**
   * Whether a group may have moved away from this server while it lives: the same connection to it is still open, and it
   * answers. Always false where groups do not move.
   */
  canHaveMoved(server: string, incarnation: number): boolean;

  /** Whether a call to the master of a group would be sent now. */
  canSend(group: number): boolean;

  /**
   * Runs a script on the master of a group. Sends it once, and again only after a server said that it did not execute it.
   * Adds the not-after to the arguments: the deadline on the clock of the server that gets the call. Rejects with
   * StoreUnavailable at the deadline, at once when nothing can be sent, or when the server rejects the call. Calls of one
   * group are sent in the order in which they are made.
   */
  run(script: Script, group: number, scriptArguments: ScriptArguments, options?: RunOptions): Promise<PackedReply>;

  /** Waits for the replies to what was sent, up to the deadline, then disconnects for good. */
  close(): Promise<void>;
}

/**
 * The group's slot is migrating from one master to another, and neither has all of the keys. Nothing was executed. Scripts
 * with one key never fail this way.
 */
export class SlotMigrating extends StoreUnavailable {}

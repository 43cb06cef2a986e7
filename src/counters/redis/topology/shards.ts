import { StoreUnavailable } from '../../../decide/ports.ts';
import type { PackedReply } from '../batch/packed-reply.ts';
import type { Script } from '../lua/scripts.ts';

/** Where scripts run: one server, a Sentinel's master, or a cluster's masters. */
export interface Shards {
  /** Whether a run would be sent now, to some of the masters at least; reconnecting goes on by itself. */
  readonly ready: boolean;

  /** 1, or as many as there are tags. */
  readonly groupCount: number;

  /**
   * Counters whose tags (0 to 63, counter-key.ts) give the same group may stand in one script. Of one server always 0; of
   * a cluster the tag, since a script there has the keys of one slot.
   */
  groupForTag(tag: number): number;

  /**
   * Sends what is asked once, or again only after a server said that it did not execute it. The not-after that the script
   * is given before `args` is the deadline in the time of the server that it goes to. Rejects with StoreUnavailable: at
   * the deadline, at once when nothing can be sent, or when the server refuses.
   */
  run(script: Script, group: number, keys: readonly string[], args: readonly (number | string)[]): Promise<PackedReply>;

  /** Lets what was sent come back, up to the deadline, then disconnects for good. */
  close(): Promise<void>;
}

/**
 * Nothing was executed: the group's slot is on its way from one master to another, and neither has all of the keys.
 * Scripts of one key each are not refused so.
 */
export class SlotMigrating extends StoreUnavailable {}

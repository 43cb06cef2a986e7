import type { LossKind } from '../history/server-history.ts';

/** A server was found to have lost counters. */
export interface CountersLost {
  /** The same on all nodes that find the same loss, and never used again. */
  readonly id: string;
  /** Tags (batch/counter-key.ts) whose counters are affected. */
  readonly tags: readonly number[];
  /**
   * `empty`: the server has none of the counters. The listener restores quotas that have checkpoints
   * (counters/checkpoints/); the nodes charge again what they were granted on other limits. `shorter`: it has all of them as they were some time ago; the nodes
   * charge again what they were granted since.
   */
  readonly kind: LossKind;
  /** Whether this node had used these counters before. If not, the server may be a new one. */
  readonly wasSeen: boolean;
}

/**
 * Called when a server was found to have lost counters. Until the promise settles, but for at most 2 s, decisions on the
 * tags follow `on_store_failure`. Late charges to the tags made through `RedisStore.chargeLate` are sent in that time.
 */
export type CountersLostListener = (loss: CountersLost) => Promise<void> | undefined;

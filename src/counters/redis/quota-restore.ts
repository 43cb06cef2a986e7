import { ALL_TAGS } from './batch/counter-key.ts';
import {
  buildClaim,
  buildRestores,
  parseClaim,
  parseRaised,
  type RestorableCounter,
  type RestoreClaim,
} from './batch/restore-batch.ts';
import { CLAIM_SCRIPT, RESTORE_SCRIPT } from './lua/scripts.ts';
import type { Shards } from './topology/shards.ts';

export interface QuotaRestoreOptions {
  readonly shards: Shards;
  readonly keyPrefix: string;
  /** µs since 1970. */
  readonly now: () => number;
}

/** Raising counters can be repeated, so it waits for a busy server, in ms. */
const PATIENCE_MS = 1_000;

/** Restores quotas that the servers have lost. All methods reject with StoreUnavailable. */
export class QuotaRestore {
  readonly #options: QuotaRestoreOptions;

  constructor(options: QuotaRestoreOptions) {
    this.#options = options;
  }

  /** All tags (batch/counter-key.ts), by their groups. */
  get tagGroups(): readonly (readonly number[])[] {
    const { shards } = this.#options;
    return [...Map.groupBy(ALL_TAGS, (tag) => shards.groupForTag(tag)).values()];
  }

  /** Claims the restore of a tag for a node and this long, in ms. With 0, the node has restored the tag. */
  async claimRestore(tag: number, node: string, claimMs: number): Promise<RestoreClaim> {
    const { shards, keyPrefix } = this.#options;
    const call = buildClaim(keyPrefix, tag, node, claimMs * 1000);
    return parseClaim(await shards.run(CLAIM_SCRIPT, shards.groupForTag(tag), call));
  }

  /** Raises counters of one tag to the use that they have at least. Returns how many were raised. It can be repeated. */
  async raiseCounters(tag: number, counters: readonly RestorableCounter[]): Promise<number> {
    const { shards, keyPrefix, now } = this.#options;
    let raised = 0;
    // One after the other, so that decisions come in between.
    for (const call of buildRestores(keyPrefix, counters, now())) {
      const reply = await shards.run(RESTORE_SCRIPT, shards.groupForTag(tag), call, { patienceMs: PATIENCE_MS });
      raised += parseRaised(reply);
    }
    return raised;
  }
}

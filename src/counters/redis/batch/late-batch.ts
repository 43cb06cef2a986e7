import type { CountedLimit } from '../../../domain/limits/limit.ts';
import type { ScriptArguments } from '../lua/scripts.ts';
import { computeVirtualTag, formatUsedIdKey, LATE_MARK_SECONDS } from './counter-key.ts';
import { packHits, packTime, packUint21 } from './packed-numbers.ts';
import type { PackedReply } from './packed-reply.ts';
import { ScriptArgumentsBuilder } from './script-arguments.ts';

/** Hits on one counter that were granted without Redis. They are charged whether they fit or not. */
export interface LateCharge {
  /** Unique among all late charges. Redis charges it once within an hour, however often it is sent. */
  readonly id: string;
  readonly subject: string;
  readonly limit: CountedLimit;
  /** At least 1. */
  readonly hits: number;
  /**
   * When the hits stop counting: Unix time in µs by the clock of the shard. A window rounds it up. Left out: they count as made when they are charged, as those of a token bucket and of credits always do.
   */
  readonly hitEnd?: number;
}

/** State of a counter after its late charge. */
export interface LateChargeState {
  /** Hits that are free. Below 0 while the counter is blocked or in debt. */
  readonly available: number;
  /** µs until the whole limit is available. */
  readonly resetAfter: number;
  /** Unix time in µs at which the whole limit is available, by the clock of the shard. */
  readonly freeAt: number;
}

/** One call of the late script. */
export interface LateBatch extends ScriptArguments {
  readonly chargeCount: number;
}

/** Limits how long one script blocks Redis: at 5 µs per late charge, to less than 2 ms. */
const MAX_BATCH_LATE_CHARGES = 256;

/** Builds batches of late charges, in order. `now` is in µs since 1970. */
export function buildLateBatches(prefix: string, charges: readonly LateCharge[], now: number): readonly LateBatch[] {
  const batches: LateBatch[] = [];
  for (let from = 0; from < charges.length; from += MAX_BATCH_LATE_CHARGES) {
    batches.push(buildLateBatch(prefix, charges.slice(from, from + MAX_BATCH_LATE_CHARGES), now));
  }
  return batches;
}

function buildLateBatch(prefix: string, charges: readonly LateCharge[], now: number): LateBatch {
  const builder = new ScriptArgumentsBuilder(prefix, now);
  let packed = '';
  for (const { id, subject, limit, hits, hitEnd = 0 } of charges) {
    const mark = builder.addKey(formatUsedIdKey(prefix, computeVirtualTag(subject), id));
    const key = builder.addSubject(subject);
    packed += packUint21(mark) + packUint21(key) + packUint21(builder.addSpec({ subject, limit, hits }));
    packed += packHits(hits) + packTime(hitEnd);
  }
  return { ...builder.build(packed, String(LATE_MARK_SECONDS)), chargeCount: charges.length };
}

/** Reads the state of each counter, in order. Throws when the reply does not have the length that the batch calls for. */
export function parseLateStates({ chargeCount }: LateBatch, reply: PackedReply): readonly LateChargeState[] {
  const states: LateChargeState[] = [];
  for (let index = 0; index < chargeCount; index++) {
    const available = reply.readInt48();
    const resetAfter = reply.readUint56();
    states.push({ available, resetAfter, freeAt: reply.timeMicros + resetAfter });
  }
  reply.assertFullyRead();
  return states;
}

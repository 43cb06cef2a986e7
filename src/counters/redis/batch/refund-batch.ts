import { elementAt } from '../../../collections/element-at.ts';
import type { Receipt, RefundResult } from '../../../decide/ports.ts';
import type { ScriptArguments } from '../lua/scripts.ts';
import { MAX_BATCH_CHARGES } from './charge-batch.ts';
import { computeVirtualTag, formatUsedIdKey, LATE_MARK_SECONDS } from './counter-key.ts';
import { packHits, packTime, packUint21 } from './packed-numbers.ts';
import type { PackedReply } from './packed-reply.ts';
import { ScriptArgumentsBuilder } from './script-arguments.ts';

/** One call of the refund script. */
export interface RefundBatch extends ScriptArguments {
  readonly receiptCount: number;
}

/**
 * Builds batches that have at most MAX_BATCH_CHARGES keys. The receipts stay in order and are never split; each must have
 * at least one charge. `now` is in µs since 1970.
 */
export function buildRefundBatches(prefix: string, receipts: readonly Receipt[], now: number): readonly RefundBatch[] {
  const batches: RefundBatch[] = [];
  let builder = new ScriptArgumentsBuilder(prefix, now);
  let packed = '';
  let receiptCount = 0;
  for (const receipt of receipts) {
    if (receiptCount > 0 && builder.keyCount + 2 * receipt.granted.length + 1 > MAX_BATCH_CHARGES) {
      batches.push({ ...builder.build(packed, String(LATE_MARK_SECONDS)), receiptCount });
      builder = new ScriptArgumentsBuilder(prefix, now);
      packed = '';
      receiptCount = 0;
    }
    packed += packReceipt(builder, prefix, receipt);
    receiptCount++;
  }
  batches.push({ ...builder.build(packed, String(LATE_MARK_SECONDS)), receiptCount });
  return batches;
}

function packReceipt(builder: ScriptArgumentsBuilder, prefix: string, { id, expiresAt, granted }: Receipt): string {
  const tag = computeVirtualTag(elementAt(granted, 0).charge.subject);
  const receiptKey = id === undefined ? 0 : builder.addKey(formatUsedIdKey(prefix, tag, id));
  let packed = packUint21(receiptKey) + packTime(expiresAt) + packUint21(granted.length);
  for (const { charge, countsUntil, lateChargeId } of granted) {
    const key = builder.addSubject(charge.subject);
    packed += packUint21(key) + packUint21(builder.addSpec(charge)) + packHits(charge.hits) + packTime(countsUntil);
    const mark = formatUsedIdKey(prefix, computeVirtualTag(charge.subject), lateChargeId ?? '');
    packed += packUint21(lateChargeId === undefined ? 0 : builder.addKey(mark));
  }
  return packed;
}

/**
 * Reads the result of each receipt, in order, from the reply of the refund script. Throws when the reply does not have the
 * length that the batch calls for.
 */
export function parseRefunds({ receiptCount }: RefundBatch, reply: PackedReply): readonly RefundResult[] {
  const results: RefundResult[] = [];
  for (let i = 0; i < receiptCount; i++) {
    const hits = reply.readInt48();
    results.push(hits < 0 ? undefined : hits);
  }
  reply.assertFullyRead();
  return results;
}

import type { Receipt } from '../../../decide/ports.ts';
import { MAX_BATCH_CHARGES } from './charge-batch.ts';
import { computeVirtualTag, formatUsedReceiptKey } from './counter-key.ts';
import { packHits, packTime, packUint21 } from './packed-numbers.ts';
import { type ScriptArguments, ScriptArgumentsBuilder } from './script-arguments.ts';

/** One call of the give-back script. */
export interface RefundBatch extends ScriptArguments {
  readonly receipts: number;
}

/** The receipts in order, in batches of at most 512 keys; none is torn apart. `now` is in µs since 1970. */
export function buildRefundBatches(prefix: string, receipts: readonly Receipt[], now: number): readonly RefundBatch[] {
  const batches: RefundBatch[] = [];
  let builder = new ScriptArgumentsBuilder(prefix, now);
  let packed = '';
  let count = 0;
  for (const receipt of receipts) {
    if (count > 0 && builder.keyCount + receipt.granted.length + 1 > MAX_BATCH_CHARGES) {
      batches.push({ ...builder.build(packed), receipts: count });
      builder = new ScriptArgumentsBuilder(prefix, now);
      packed = '';
      count = 0;
    }
    packed += packReceipt(builder, prefix, receipt);
    count++;
  }
  batches.push({ ...builder.build(packed), receipts: count });
  return batches;
}

function packReceipt(builder: ScriptArgumentsBuilder, prefix: string, { id, expiresAt, granted }: Receipt): string {
  const tag = computeVirtualTag(granted[0]?.charge.subject ?? '');
  const mark = id === undefined ? 0 : builder.addKey(formatUsedReceiptKey(prefix, tag, id));
  let packed = packUint21(mark) + packTime(expiresAt) + packUint21(granted.length);
  for (const { charge, countsUntil } of granted) {
    const key = builder.addSubject(charge.subject);
    packed += packUint21(key) + packUint21(builder.addSpec(charge)) + packHits(charge.hits) + packTime(countsUntil);
  }
  return packed;
}

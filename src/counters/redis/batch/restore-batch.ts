import type { CountedLimit } from '../../../domain/limits/limit.ts';
import type { ScriptArguments } from '../lua/scripts.ts';
import { formatCheckpointMarker } from './counter-key.ts';
import { packTime, packUint21 } from './packed-numbers.ts';
import type { PackedReply } from './packed-reply.ts';
import { ScriptArgumentsBuilder } from './script-arguments.ts';

/** A counter and the use that it has at least. */
export interface RestorableCounter {
  readonly subject: string;
  /** A calendar limit, or one of credits. */
  readonly limit: CountedLimit;
  /** Below 0: more credits were added than spent. */
  readonly used: number;
  /** End of the period in which it counts, in µs since 1970. */
  readonly periodEnd: number;
}

/** State of a tag by its marker. `taken`: another node restores it. */
export type RestoreClaim = 'restored' | 'claimed' | 'taken';

/** Limits how long one script blocks Redis: at 5 µs per counter, to less than 2 ms. */
const MAX_BATCH_COUNTERS = 256;
/** In the order of the numbers of the script. */
const CLAIMS: readonly RestoreClaim[] = ['restored', 'claimed', 'taken'];

/** Builds a call of the claim script. `claimMicros` 0: the node has restored the tag. */
export function buildClaim(prefix: string, tag: number, node: string, claimMicros: number): ScriptArguments {
  return { keys: [formatCheckpointMarker(prefix, tag)], args: [node, claimMicros] };
}

/** Throws a RangeError if the script does not reply with one of `RestoreClaim`. */
export function parseClaim(reply: PackedReply): RestoreClaim {
  const claim = CLAIMS[reply.readUint24()];
  reply.assertFullyRead();
  if (claim === undefined) throw new RangeError('claim: must be 0, 1 or 2');
  return claim;
}

/** Builds the calls of the restore script. All counters must be of one group. `now` is in µs since 1970. */
export function buildRestores(
  prefix: string,
  counters: readonly RestorableCounter[],
  now: number,
): readonly ScriptArguments[] {
  const calls: ScriptArguments[] = [];
  for (let from = 0; from < counters.length; from += MAX_BATCH_COUNTERS) {
    const builder = new ScriptArgumentsBuilder(prefix, now);
    let packed = '';
    for (const { subject, limit, used, periodEnd } of counters.slice(from, from + MAX_BATCH_COUNTERS)) {
      packed += packUint21(builder.addSubject(subject)) + packUint21(builder.addSpec({ subject, limit, hits: 0 }));
      packed += packUint21(used < 0 ? 1 : 0) + packTime(Math.abs(used)) + packTime(periodEnd);
    }
    calls.push(builder.build(packed));
  }
  return calls;
}

/** Returns how many counters were raised. */
export function parseRaised(reply: PackedReply): number {
  const raised = reply.readUint24();
  reply.assertFullyRead();
  return raised;
}

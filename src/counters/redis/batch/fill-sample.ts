import { ruleOfSubject } from '../../../domain/counting/counter-subject.ts';
import { CATALOG, listLargest, type StoreFill } from '../../store-fill.ts';
import type { ScriptArguments } from '../lua/scripts.ts';
import { isHistoryKey, parseCounterKey } from './counter-key.ts';
import type { PackedReply } from './packed-reply.ts';

/** Estimates the share of a rule to within 10% of all keys. The script takes about 0.1 ms for it. */
const SAMPLED_KEYS = 200;
const MAX_LISTED_RULES = 50;
/** Stands for keys of the server that are not counters of this deployment. */
const OTHER_KEYS = 'other keys';

/** Builds a call of the fill script. */
export function buildFillSample(): ScriptArguments {
  return { keys: [], args: [SAMPLED_KEYS] };
}

/** Reads the reply of the fill script. `prefix` is that of all keys of counters. */
export function parseFillSample(reply: PackedReply, prefix: string): StoreFill {
  const keys = reply.readUint56();
  const usedBytes = reply.readUint56();
  const maxBytes = reply.readUint56();
  const evicted = reply.readUint56();
  const sampled = new Map<string, number>();
  let sampledKeys = 0;
  for (; !reply.isFullyRead; sampledKeys++) {
    const key = reply.readText(reply.readUint24());
    if (isHistoryKey(prefix, key)) continue;
    const owner = ownerOfKey(key, prefix);
    sampled.set(owner, (sampled.get(owner) ?? 0) + 1);
  }
  const estimates = Array.from(sampled, ([rule, count]) => [rule, Math.round((keys * count) / sampledKeys)] as const);
  return {
    ratio: maxBytes === 0 ? undefined : usedBytes / maxBytes,
    evicted,
    byRule: listLargest(estimates, MAX_LISTED_RULES),
  };
}

/** Returns the rule that the key counts, or what else it is. */
function ownerOfKey(key: string, prefix: string): string {
  const subject = parseCounterKey(prefix, key);
  return subject === undefined ? OTHER_KEYS : (ruleOfSubject(subject) ?? CATALOG);
}

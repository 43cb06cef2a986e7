import type { Charge, ChargeOutcome, Outcome } from '../../../decide/ports.ts';
import { isChargedIfRejected } from '../../../decide/rejected-charges.ts';
import { spreadOutcomes } from '../../merge-charges.ts';
import type { ChargeBatch, Run } from './charge-batch.ts';
import type { PackedReply } from './packed-reply.ts';

/** State of a charge's counter after a part of a run. Most runs have only one part. Durations are in µs. */
interface CounterReply {
  readonly charge: Charge;
  /** Below 0 while blocked and after a limit was lowered. */
  readonly availableHits: number;
  /** Until the whole limit is available. */
  readonly resetAfter: number;
  /** Until the hits fit; 0: they do, or never will, or the run was granted. */
  readonly retryAfter: number;
  /** Until the block ends; 0: not blocked, or the run was granted. */
  readonly blockedFor: number;
}

/**
 * Reads the outcomes of a batch's decisions, in order, from the reply of the charge script. Throws when the reply does not
 * have the length that the batch calls for.
 */
export function parseOutcomes({ runs }: ChargeBatch, reply: PackedReply): readonly Outcome[] {
  const outcomes: Outcome[] = [];
  for (const run of runs) appendOutcomes(outcomes, run, reply);
  reply.assertFullyRead();
  return outcomes;
}

function appendOutcomes(outcomes: Outcome[], run: Run, reply: PackedReply): void {
  let open = run.decisionCount;
  while (open > 0) open -= appendPart(outcomes, run, open, reply);
}

/** Appends the outcomes of the next part of a run that has `open` decisions left. Returns how many they are. */
function appendPart(outcomes: Outcome[], { merged, chargesRejected }: Run, open: number, reply: PackedReply): number {
  const { timeMicros } = reply;
  const counters: CounterReply[] = [];
  let grantedCount = open;
  let decisionCount = open;
  for (const charge of merged.charges) {
    grantedCount = reply.readUint24(); // the same for all charges of a part
    if (chargesRejected && grantedCount < open) decisionCount = Math.max(1, grantedCount);
    counters.push(readCounter(charge, reply, grantedCount < decisionCount));
  }
  for (let i = 0; i < decisionCount; i++) {
    const charges: ChargeOutcome[] = [];
    for (const counter of counters) charges.push(buildChargeOutcome(counter, timeMicros, grantedCount - 1 - i));
    const granted = i < grantedCount;
    outcomes.push({ granted, source: 'redis', charges: spreadOutcomes(charges, merged.indexes) });
  }
  return decisionCount;
}

function readCounter(charge: Charge, reply: PackedReply, hasRejections: boolean): CounterReply {
  return {
    charge,
    availableHits: reply.readInt48(),
    resetAfter: reply.readUint56(),
    retryAfter: hasRejections ? reply.readUint56() : 0,
    blockedFor: hasRejections ? reply.readUint56() : 0,
  };
}

/**
 * Builds the outcome of one decision's charge. `laterGrants` is the number of decisions of the part that were granted after
 * this one; below 0 when this one was rejected.
 */
function buildChargeOutcome(counter: CounterReply, timeMicros: number, laterGrants: number): ChargeOutcome {
  const { charge, availableHits, resetAfter, retryAfter, blockedFor } = counter;
  const { hits, limit, isSettlement } = charge;
  const isRejected = laterGrants < 0;
  // Where the hits are charged all the same, they did not fit exactly if less than nothing is left.
  const missingBelow = isChargedIfRejected(charge) ? 0 : hits;
  const exceeded = isRejected && availableHits < missingBelow && isSettlement !== true;
  // Slots of a concurrency limit become free earlier than their lifetime, when a stream ends: nobody knows when.
  const isRetryTimeKnown = exceeded && retryAfter > 0 && limit.algorithm !== 'concurrency';
  return {
    exceeded,
    remaining: Math.max(0, isRejected ? availableHits : availableHits + laterGrants * hits),
    resetAfter,
    freeAt: timeMicros + resetAfter,
    retryAfter: isRetryTimeKnown ? retryAfter : undefined,
    blockedFor: exceeded && blockedFor > 0 ? blockedFor : undefined,
  };
}

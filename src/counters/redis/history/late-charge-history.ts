import type { LateCharge } from '../batch/late-batch.ts';
import { MAX_FAILOVER_MS } from './grant-history.ts';

interface AcknowledgedLateCharge {
  readonly group: number;
  readonly charge: LateCharge;
  readonly sequence: number;
  /** In ms on a monotonic clock. */
  readonly acknowledgedAt: number;
}

/** Bounds the memory to about 10 MB. Nodes make late charges after a pause of Redis, one for each counter. */
const MAX_LATE_CHARGES = 50_000;

/**
 * The late charges that servers acknowledged in the last seconds before they fell silent. Sent again with the same id, each
 * counts once. All times are in ms on one monotonic clock.
 */
export class LateChargeHistory {
  readonly #coveredMs: number;
  /** Oldest first. */
  #acknowledged: AcknowledgedLateCharge[] = [];

  constructor(coveredMs: number) {
    this.#coveredMs = coveredMs;
  }

  add(group: number, charges: readonly LateCharge[], sequence: number, now: number): void {
    if (this.#coveredMs === 0) return;
    // Those of other groups stay: their server may be away.
    const isOld = (each: AcknowledgedLateCharge) =>
      now - each.acknowledgedAt > (each.group === group ? this.#coveredMs : MAX_FAILOVER_MS);
    const kept = this.#acknowledged.filter((each) => !isOld(each));
    for (const charge of charges) kept.push({ group, charge, sequence, acknowledgedAt: now });
    this.#acknowledged = kept.slice(-MAX_LATE_CHARGES);
  }

  /** Removes the late charges of a group whose sequence `isLost`, and returns them. */
  takeLost(group: number, isLost: (sequence: number) => boolean, now: number): readonly LateCharge[] {
    const isTaken = (each: AcknowledgedLateCharge) =>
      each.group === group && isLost(each.sequence) && now - each.acknowledgedAt <= MAX_FAILOVER_MS;
    const lost = this.#acknowledged.filter(isTaken);
    if (lost.length > 0) this.#acknowledged = this.#acknowledged.filter((each) => !isTaken(each));
    return lost.map(({ charge }) => charge);
  }
}

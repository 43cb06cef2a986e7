import { elementAt } from '../../collections/element-at.ts';
import { StoreUnavailable } from '../../decide/ports.ts';
import { isCheckpointed } from '../../domain/counting/checkpoint.ts';
import type { LateChargeStore } from '../failure-policy/late-charges.ts';
import type { LateCharge, LateChargeState } from '../redis/batch/late-batch.ts';
import type { CheckpointLog } from './checkpoint-log.ts';

export interface CheckpointedLateChargesOptions {
  readonly store: LateChargeStore;
  readonly log: CheckpointLog;
  /** Whether late charges of a subject have to wait until its counters are restored. */
  readonly isHeld: (subject: string) => boolean;
}

/**
 * Notes the answers to late charges of quotas. Keeps late charges while their counters are being restored: raising a counter
 * to its checkpoint would swallow what was charged before.
 */
export class CheckpointedLateCharges implements LateChargeStore {
  readonly #options: CheckpointedLateChargesOptions;

  constructor(options: CheckpointedLateChargesOptions) {
    this.#options = options;
  }

  canChargeLate(subject: string): boolean {
    const { isHeld, store } = this.#options;
    return !isHeld(subject) && store.canChargeLate(subject);
  }

  async chargeLate(charges: readonly LateCharge[]): Promise<readonly (LateChargeState | StoreUnavailable)[]> {
    const states = await this.#options.store.chargeLate(charges);
    for (const [index, { subject, limit }] of charges.entries()) {
      const state = elementAt(states, index);
      // Below 0, the counter may be blocked, and does not say how much it counts.
      if (!isCheckpointed(limit) || state instanceof StoreUnavailable || state.available < 0) continue;
      const { available, freeAt, resetAfter } = state;
      this.#options.log.note({ subject, limit, used: limit.requests - available, observedAt: freeAt - resetAfter });
    }
    return states;
  }
}

import type { Charge } from '../../decide/ports.ts';

/** Whether a decision with the charge is granted while the shared counters cannot be asked, unless another charge objects. */
export function failsOpen({ limit: { onStoreFailure } }: Charge): boolean {
  return onStoreFailure === 'allow' || onStoreFailure === 'allow_uncounted';
}

/** Whether the charge is never counted when the shared counters could not be asked. */
export function isUncounted({ limit }: Charge): boolean {
  return limit.onStoreFailure === 'allow_uncounted';
}

/**
 * Whether a decision with the charge is unavailable while the shared counters cannot be asked. A node does not know which
 * credits are left, and with counters of its own would grant all of them in each outage.
 */
export function failsClosed(charge: Charge): boolean {
  const { limit } = charge;
  return limit.onStoreFailure === 'deny' || (limit.algorithm === 'credits' && !failsOpen(charge));
}

import { repeatRejections } from '../../collections/repeat-rejections.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { CallOutcome } from '../../domain/rules/reserved-domains.ts';
import type { AdminLimits, CallAdmission, LimitedCall } from '../../interfaces/admin-limits.ts';

/** A call that was admitted. */
export interface BegunCall {
  readonly kind: 'admitted';
  /** Counts how the call has ended. Never rejects. */
  end(outcome: CallOutcome): Promise<void>;
}

export type CallRejection = CallAdmission & { kind: 'rejected' };

/** Limits calls, also while Redis or the decision process is unavailable. */
export interface CallLimits {
  begin(call: LimitedCall): Promise<BegunCall | CallRejection>;
}

const NO_ROOM: CallRejection = { kind: 'rejected', retryAfterSeconds: 1, isForUnknownNetworks: false };
const UNCOUNTED: BegunCall = { kind: 'admitted', end: async () => {} };

/**
 * Creates limits that ask `shared`, the counters of all nodes. What it cannot answer, `local` counts: its memory is
 * bounded, and without room there it rejects the calls of everybody who has not signed in.
 */
export function createCallLimits(shared: AdminLimits, local: AdminLimits): CallLimits {
  const begin: CallLimits['begin'] = async (call) => {
    const admission = await shared.begin(call).catch(toUnknown);
    if (admission.kind !== 'unknown') return toBegun(call, admission, shared, local);
    const own = await local.begin(call);
    if (own.kind !== 'unknown') return toBegun(call, own, local, local);
    return call.isAuthenticated ? UNCOUNTED : NO_ROOM;
  };
  return { begin: repeatRejections(begin, (call) => JSON.stringify(call)) };
}

/** The process that decides is away, or has too much to do. Any other error is a bug. */
function toUnknown(error: unknown): CallAdmission {
  if (error instanceof ApiError) return { kind: 'unknown' };
  throw error;
}

function toBegun(
  call: LimitedCall,
  admission: Exclude<CallAdmission, { kind: 'unknown' }>,
  limits: AdminLimits,
  local: AdminLimits,
): BegunCall | CallRejection {
  if (admission.kind === 'rejected') return admission;
  const { receipt, counted } = admission;
  return {
    kind: 'admitted',
    async end(outcome) {
      const hasRefund = receipt !== undefined && (call.assumedOutcome !== undefined || outcome === 'invalid_request');
      const isCounted = hasRefund || counted.includes(outcome);
      if (!isCounted || outcome === call.assumedOutcome) return;
      await limits.end({ call, outcome, receipt }).catch(async (error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
        await local.end({ call, outcome, receipt: undefined });
      });
    },
  };
}

import { formatSubject } from '../../domain/counting/counter-subject.ts';
import { clientNetwork } from '../../domain/credentials/client-network.ts';
import { ceilToSeconds } from '../../domain/limit-status.ts';
import type { SlidingWindowLimit } from '../../domain/limits/limit.ts';
import type { CallLimit } from '../../interfaces/call-limit.ts';
import { type CounterStore, StoreUnavailable } from '../ports.ts';

const MINUTE = 60;

function perMinute(name: string, requests: number): SlidingWindowLimit {
  return { algorithm: 'sliding_window', name, requests, windowSeconds: MINUTE, identity: `${name}/s${MINUTE}` };
}

/** Enough for a program that asks every second or so, for itself and some others at its address. */
const OF_ADDRESS = perMinute('address', 300);
/** Of all callers together: what they may cost a node, whatever the number of their addresses. */
const OF_ALL = perMinute('all', 6_000);

/** Counts calls as requests are counted: exactly, for all nodes together, and what is refused costs nothing. */
export function callLimit(store: Pick<CounterStore, 'decide'>): CallLimit {
  return {
    async admit(call, peer) {
      const charges = [
        { subject: formatSubject('call', call, clientNetwork(peer)), limit: OF_ADDRESS, hits: 1 },
        { subject: formatSubject('call', call), limit: OF_ALL, hits: 1 },
      ];
      const [decided] = await store.decide([{ charges }]);
      if (decided === undefined || decided instanceof StoreUnavailable) return { kind: 'unknown' };
      if (decided.granted) return { kind: 'admitted' };
      const waits = decided.charges.map(({ retryAfter = 0 }) => ceilToSeconds(retryAfter));
      return { kind: 'refused', retryAfterSeconds: Math.max(1, ...waits) };
    },
  };
}

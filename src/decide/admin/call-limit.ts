import { elementAt } from '../../collections/element-at.ts';
import { formatSubject } from '../../domain/counting/counter-subject.ts';
import { clientNetwork } from '../../domain/credentials/client-network.ts';
import type { SlidingWindowLimit } from '../../domain/limits/limit.ts';
import { ceilToSeconds } from '../../domain/limits/limit-status.ts';
import type { CallLimit } from '../../interfaces/call-limit.ts';
import { type CounterStore, StoreUnavailable } from '../ports.ts';
import { checkResults } from '../store-answers.ts';

const MINUTE_SECONDS = 60;

function limitPerMinute(name: string, requests: number): SlidingWindowLimit {
  const identity = `${name}/s${MINUTE_SECONDS}`;
  return { algorithm: 'sliding_window', name, requests, windowSeconds: MINUTE_SECONDS, identity };
}

/** Enough for a program that calls about once a second, together with a few others at its address. */
const ADDRESS_LIMIT = limitPerMinute('address', 300);
/** Bounds the cost of a call's callers together to the node, however many addresses they have. */
const TOTAL_LIMIT = limitPerMinute('all', 6_000);

/** Limits calls with the counters of requests: exactly, across all nodes, and free of charge for rejected calls. */
export function createCallLimit(store: Pick<CounterStore, 'decide'>): CallLimit {
  return {
    async admit(call, peer) {
      const charges = [
        { subject: formatSubject('call', call, clientNetwork(peer)), limit: ADDRESS_LIMIT, hits: 1 },
        { subject: formatSubject('call', call), limit: TOTAL_LIMIT, hits: 1 },
      ];
      const decisions = [{ charges }];
      const result = elementAt(checkResults(decisions, await store.decide(decisions, undefined)), 0);
      if (result instanceof StoreUnavailable) return { kind: 'unknown' };
      if (result.granted) return { kind: 'admitted' };
      const waits = result.charges.map(({ retryAfter = 0 }) => ceilToSeconds(retryAfter));
      return { kind: 'rejected', retryAfterSeconds: Math.max(1, ...waits) };
    },
  };
}

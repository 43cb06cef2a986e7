import { elementAt } from '../../src/collections/element-at.ts';
import { computeMedian } from '../measure/median.ts';
import type { PoissonLoad, PoissonResult } from './poisson-load.ts';

/** Server that the filters of a listener ask. These words are stored in docs/benchmarks.json. */
export type Backend = 'none' | 'floor' | 'Weir' | 'ratelimit';

/** A listener of Envoy that is measured. */
export interface MeasuredListener {
  readonly port: number;
  readonly backend: Backend;
  /** Name of its filter, as in the table; empty: it has none. */
  readonly filter: string;
}

/** Quantiles in ms. */
export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
}

/** Results of one listener at one rate: medians of all rounds. Stored in docs/benchmarks.json. */
export interface EnvoyRow extends Quantiles {
  readonly requestsPerSecond: number;
  readonly backend: Backend;
  readonly filter: string;
  /** Requests of all rounds. */
  readonly requests: number;
  /** Requests of all rounds without a response of status 200. */
  readonly failed: number;
  /** Latency that the filters add: the quantiles minus those without filters of the same round. */
  readonly added: Quantiles;
  /** `added` of Weir, divided by that of envoyproxy/ratelimit in the same round; null: no such pair. */
  readonly addedOfRatelimit: Quantiles | null;
}

export interface EnvoyPlan {
  readonly rounds: number;
  readonly rates: readonly { readonly requestsPerSecond: number; readonly seconds: number }[];
  readonly warmUpSeconds: number;
}

/** Noise can make a listener with filters faster than the one without. */
const MIN_ADDED_MS = 0.001;

type Send = (load: PoissonLoad) => Promise<PoissonResult>;
type QuantileName = keyof Quantiles;

/** Sends at each rate to each listener in turn, in several rounds, so that noise affects all listeners alike. */
export async function measureAddedLatency(
  listeners: readonly MeasuredListener[],
  { rounds, rates, warmUpSeconds }: EnvoyPlan,
  send: Send,
): Promise<EnvoyRow[]> {
  const results = rates.map(() => listeners.map((): PoissonResult[] => []));
  for (let round = 1; round <= rounds; round++) {
    for (const [rateIndex, { requestsPerSecond, seconds }] of rates.entries()) {
      for (const [index, { port, backend, filter }] of listeners.entries()) {
        const result = await send({ port, requestsPerSecond, warmUpSeconds, seconds, seed: round });
        elementAt(elementAt(results, rateIndex), index).push(result);
        const name = backend === 'none' ? 'no filter' : `${backend}, ${filter}`;
        const figures = `p50 ${result.p50.toFixed(2)} ms, p99 ${result.p99.toFixed(2)} ms`;
        process.stderr.write(`bench: round ${round}/${rounds}, ${requestsPerSecond}/s: ${name}: ${figures}\n`);
      }
    }
  }
  return rates.flatMap(({ requestsPerSecond }, rateIndex) => {
    const ofRate = elementAt(results, rateIndex);
    return listeners.map((listener, index) => createRow(requestsPerSecond, listeners, listener, ofRate, index));
  });
}

function createRow(
  requestsPerSecond: number,
  listeners: readonly MeasuredListener[],
  { backend, filter }: MeasuredListener,
  results: readonly (readonly PoissonResult[])[],
  index: number,
): EnvoyRow {
  const own = elementAt(results, index);
  const bare = elementAt(
    results,
    listeners.findIndex((other) => other.backend === 'none'),
  );
  const peerIndex = listeners.findIndex((other) => other.backend === 'ratelimit' && other.filter === filter);
  const peer = backend === 'Weir' ? results[peerIndex] : undefined;
  const added = (of: readonly PoissonResult[], round: number, name: QuantileName) =>
    elementAt(of, round)[name] - elementAt(bare, round)[name];
  const sum = (name: 'requests' | 'failed') => own.reduce((total, result) => total + result[name], 0);
  return {
    requestsPerSecond,
    backend,
    filter,
    requests: sum('requests'),
    failed: sum('failed'),
    ...medianQuantiles(own, (result, _round, name) => result[name]),
    added: medianQuantiles(own, (_result, round, name) => added(own, round, name)),
    addedOfRatelimit:
      peer === undefined
        ? null
        : medianQuantiles(
            own,
            (_result, round, name) => added(own, round, name) / Math.max(added(peer, round, name), MIN_ADDED_MS),
          ),
  };
}

/** Medians over all rounds. */
function medianQuantiles(
  results: readonly PoissonResult[],
  read: (result: PoissonResult, round: number, name: QuantileName) => number,
): Quantiles {
  const median = (name: QuantileName) => computeMedian(results.map((result, round) => read(result, round, name)));
  return { p50: median('p50'), p99: median('p99'), p999: median('p999') };
}

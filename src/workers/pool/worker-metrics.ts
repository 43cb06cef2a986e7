import type { MetricFamily } from '../../interfaces/metric-family.ts';
import { mergeMetrics } from '../../telemetry/metrics/merge-metrics.ts';

/**
 * Merges the metrics of the workers of a node. Counters of a worker that has ended, or does not answer, stay in the sum
 * as they were last read: a counter never falls.
 */
export class WorkerMetrics {
  readonly #readOwn: () => Promise<readonly MetricFamily[]>;
  /** The last metrics of each worker, by its number. */
  readonly #last = new Map<number, readonly MetricFamily[]>();
  /** Sums of the counters of processes that have ended. */
  #ended: readonly MetricFamily[] = [];

  /** `readOwn` reads those of this process. */
  constructor(readOwn: () => Promise<readonly MetricFamily[]>) {
    this.#readOwn = readOwn;
  }

  /** The process of a worker has ended. Its successor starts to count at 0. */
  recordEnd(worker: number): void {
    this.#ended = mergeMetrics([this.#ended, (this.#last.get(worker) ?? []).filter(isCumulative)]);
    this.#last.delete(worker);
  }

  /** Merges the metrics of the workers that have just answered, by their numbers, with what is known of the others. */
  async merge(answers: ReadonlyMap<number, readonly MetricFamily[]>): Promise<readonly MetricFamily[]> {
    for (const [worker, metrics] of answers) this.#last.set(worker, metrics);
    return mergeMetrics([...this.#listLast(answers), this.#ended, await this.#readOwn()]);
  }

  /** Merges some of the metrics of the workers, the same ones of each, as `merge` does. Leaves out those of this process. */
  mergeSome(answers: ReadonlyMap<number, readonly MetricFamily[]>): readonly MetricFamily[] {
    const names = new Set([...answers.values()].flatMap((metrics) => metrics.map(({ name }) => name)));
    for (const [worker, metrics] of answers) {
      const others = (this.#last.get(worker) ?? []).filter(({ name }) => !names.has(name));
      this.#last.set(worker, [...others, ...metrics]);
    }
    const some = [...this.#listLast(answers), this.#ended].map((metrics) =>
      metrics.filter(({ name }) => names.has(name)),
    );
    return mergeMetrics(some);
  }

  /** Lists the last metrics of each worker; of those that have not just answered, only what is cumulative. */
  #listLast(answers: ReadonlyMap<number, unknown>): readonly (readonly MetricFamily[])[] {
    return Array.from(this.#last, ([worker, metrics]) =>
      answers.has(worker) ? metrics : metrics.filter(isCumulative),
    );
  }
}

function isCumulative({ type }: MetricFamily): boolean {
  return type === 'counter' || type === 'histogram';
}

import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CounterStore } from '../../decide/ports.ts';
import { VIRTUAL_TAG_COUNT } from '../redis/batch/counter-key.ts';
import type { CheckpointTable } from './checkpoint-table.ts';
import { compareCounters } from './compare-counters.ts';
import { RestorableLimits } from './restorable-limits.ts';

export interface DriftSamplerOptions {
  readonly table: Pick<CheckpointTable, 'read'>;
  /** µs since 1970. */
  readonly now: () => number;
}

const SAMPLE_INTERVAL_MS = 60_000;
const SAMPLED_CHECKPOINTS = 100;

/** Compares some checkpoints with their counters, at random, once a minute. */
export class DriftSampler {
  /** Hits of the last sample that counters lack. Refunds on their way cause a few, lost counters many. */
  missingHits = 0;
  /** Hits of the last sample that checkpoints lack: those of the last 10 s. */
  unwrittenHits = 0;
  readonly #options: DriftSamplerOptions;
  readonly #limits = new RestorableLimits();

  constructor(options: DriftSamplerOptions) {
    this.#options = options;
  }

  /** Samples the counters of `store` until `signal` is aborted. Skips a sample while they or Postgres are away. */
  start(store: Pick<CounterStore, 'decide'>, signal: AbortSignal): void {
    void this.#run(store, signal);
  }

  async #run(store: Pick<CounterStore, 'decide'>, signal: AbortSignal): Promise<void> {
    for (;;) {
      await sleep(SAMPLE_INTERVAL_MS * (0.8 + 0.2 * Math.random()), undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
      await this.sample(store).catch(() => {}); // weir_checkpoint_age_seconds and the health of Redis say so
    }
  }

  /** Rejects if Postgres or the counters are away. */
  async sample(store: Pick<CounterStore, 'decide'>): Promise<void> {
    const { table, now } = this.#options;
    const checkpoints = await table.read(randomInt(VIRTUAL_TAG_COUNT), '', SAMPLED_CHECKPOINTS);
    const compared = await compareCounters(store, this.#limits, checkpoints, now());
    const drifts = compared.map(({ checkpoint: { used }, counted }) => counted - used);
    this.missingHits = drifts.reduce((sum, drift) => sum + Math.max(0, -drift), 0);
    this.unwrittenHits = drifts.reduce((sum, drift) => sum + Math.max(0, drift), 0);
  }
}

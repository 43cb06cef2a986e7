import type { Registry } from 'prom-client';
import { registerGauge, registerTotal } from '../read-at-scrape.ts';

/** The checkpoints of this node, as a scrape reads them. */
export interface ObservedCheckpoints {
  /** Checkpoints that wait to be written. */
  readonly waiting: number;
  readonly written: number;
  readonly dropped: number;
  /** Seconds since all that waited were last written. */
  readonly ageSeconds: number;
  readonly lostTags: number;
  readonly restores: {
    readonly restoredCounters: number;
    readonly heldDecisions: number;
  };
  readonly drift: { readonly missingHits: number; readonly unwrittenHits: number };
}

/** Registers the metrics of the checkpoints of quotas. */
export function registerCheckpointMetrics(registry: Registry, checkpoints: ObservedCheckpoints): void {
  const { restores } = checkpoints;
  registerGauge(registry, 'weir_checkpoints_waiting', 'Quotas whose use has changed since the last checkpoint.', () => {
    return checkpoints.waiting;
  });
  registerGauge(
    registry,
    'weir_checkpoint_age_seconds',
    'Seconds since this node has last written all checkpoints: use of quotas that it could lose.',
    () => checkpoints.ageSeconds,
    'max',
  );
  registerGauge(
    registry,
    'weir_checkpoint_lost_tags',
    'Tags, of 64, whose counters may be lost and are not restored from checkpoints yet.',
    () => checkpoints.lostTags,
    'max',
  );
  registerGauge(
    registry,
    'weir_checkpoint_missing_hits',
    'Hits that checkpoints have and counters lack, in a sample of up to 100 quotas that is taken each minute.',
    () => checkpoints.drift.missingHits,
  );
  registerGauge(
    registry,
    'weir_checkpoint_unwritten_hits',
    'Hits that counters have and checkpoints lack, in the same sample.',
    () => checkpoints.drift.unwrittenHits,
  );
  registerTotal(registry, 'weir_checkpoints_written_total', 'Checkpoints of quotas that were written.', () => {
    return checkpoints.written;
  });
  registerTotal(
    registry,
    'weir_checkpoints_dropped_total',
    'Observations of quotas without a checkpoint, because too many waited or the name of the subject is too long.',
    () => checkpoints.dropped,
  );
  registerTotal(
    registry,
    'weir_checkpoint_restored_counters_total',
    'Counters that this node has restored from checkpoints.',
    () => restores.restoredCounters,
  );
  registerTotal(
    registry,
    'weir_checkpoint_held_decisions_total',
    'Decisions that followed on_store_failure because their counters were being restored.',
    () => restores.heldDecisions,
  );
}

import { CallEvents } from '../../database/audit/call-events.ts';
import { createQuery, type Database } from '../../database/open-database.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { ControlMetrics } from '../../telemetry/metrics/control-metrics.ts';

/** Starts to record the calls of the admin API that no trigger records. */
export function startCallEvents(
  database: Database,
  { recordDroppedEvent: recordDropped }: Pick<ControlMetrics, 'recordDroppedEvent'>,
  log: Logger,
  resources: AsyncDisposableStack,
): CallEvents {
  const events = new CallEvents({ query: createQuery(database), log, recordDropped });
  resources.defer(() => events.stop());
  return events;
}

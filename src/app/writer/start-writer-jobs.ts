import type { Config } from '../../config/config.ts';
import type { CallEvents } from '../../database/audit/call-events.ts';
import type { DatabaseAccess } from '../../database/connection/database-access.ts';
import type { Database } from '../../database/open-database.ts';
import type { CounterAdmin } from '../../domain/counting/counter-admin.ts';
import type { StripeEndpoint } from '../../http/endpoints/stripe-endpoint.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { ControlMetrics } from '../../telemetry/metrics/control-metrics.ts';
import type { TokenSigning } from '../control/create-token-signing.ts';
import { serveStripeEvents } from './serve-stripe-events.ts';
import { startActiveAccounts } from './start-active-accounts.ts';
import { startCallEvents } from './start-call-events.ts';
import { startPlanChanges } from './start-plan-changes.ts';
import { startWebhooks } from './start-webhooks.ts';

interface WriterParts {
  readonly database: Database;
  readonly access: DatabaseAccess;
  readonly counters: CounterAdmin;
  readonly signing: Pick<TokenSigning, 'secret'>;
  readonly metrics: ControlMetrics;
  /** undefined: events of Stripe are not taken. */
  readonly stripe: StripeEndpoint | undefined;
  readonly log: Logger;
}

/**
 * Starts the work that nodes which write the catalog do between the calls of the admin API, and the handling of Stripe's
 * events. Returns the events of calls.
 */
export function startWriterJobs(
  config: Config,
  { database, access, counters, signing, metrics, stripe, log }: WriterParts,
  resources: AsyncDisposableStack,
): CallEvents {
  resources.defer(startPlanChanges({ database, counters, log }));
  resources.defer(startActiveAccounts(access, metrics.recordActiveAccounts, log));
  startWebhooks(config, { database, signingSecret: signing.secret, metrics, log }, resources);
  const callEvents = startCallEvents(database, metrics, log, resources);
  serveStripeEvents(stripe, config, { database, counters, callEvents, metrics: metrics.webhooks, log });
  return callEvents;
}

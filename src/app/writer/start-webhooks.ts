import type { Config } from '../../config/config.ts';
import type { Database } from '../../database/open-database.ts';
import { createTextSealer } from '../../identity/secrets/text-sealer.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { ControlMetrics } from '../../telemetry/metrics/control-metrics.ts';
import { DeliveryWorker } from '../../webhooks/delivery-worker.ts';

interface WebhookParts {
  readonly database: Database;
  readonly signingSecret: string;
  readonly metrics: Pick<ControlMetrics, 'webhooks'>;
  readonly log: Logger;
}

/** Starts to deliver events to webhooks. */
export function startWebhooks(
  { webhookPrivateHosts: privateHosts, tokens }: Config,
  { database, signingSecret, metrics, log }: WebhookParts,
  resources: AsyncDisposableStack,
): void {
  const worker = new DeliveryWorker({
    ...{ database, privateHosts, log, ...metrics.webhooks },
    source: tokens.issuer,
    webhookSealer: createTextSealer(signingSecret, 'webhook secret'),
    eventSealer: createTextSealer(signingSecret, 'event secret'),
  });
  worker.start();
  resources.defer(() => worker.stop());
}

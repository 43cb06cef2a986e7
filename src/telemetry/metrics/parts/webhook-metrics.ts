import { Counter, Gauge, type Registry } from 'prom-client';

/** Records what happens to the deliveries of events to webhooks, and to events of Stripe. */
export interface WebhookMetrics {
  /** Counts attempts by their result: `delivered`, `failed` (and retried), or `given_up`. */
  recordDelivery(result: string, count: number): void;
  recordWebhookDisabled(): void;
  /** Counts events of Stripe by what became of them. */
  recordStripeEvent(result: string): void;
  recordBacklog(backlog: { readonly count: number; readonly oldestSeconds: number }): void;
}

export function createWebhookMetrics(registry: Registry): WebhookMetrics {
  const registers = [registry];
  const deliveries = new Counter({
    name: 'weir_webhook_deliveries_total',
    help: 'Attempts of this node to deliver an event to a webhook, by result: delivered, failed (and retried), given_up.',
    labelNames: ['result'] as const,
    registers,
  });
  const disabled = new Counter({
    name: 'weir_webhooks_disabled_total',
    help: 'Webhooks that this node has disabled, because no delivery had succeeded for 24 hours or they were gone (410).',
    registers,
  });
  const backlog = new Gauge({
    name: 'weir_webhook_backlog',
    help: 'Deliveries to all webhooks that wait for an attempt, up to 100,000. Each admin node reports the same.',
    registers,
  });
  const oldest = new Gauge({
    name: 'weir_webhook_oldest_undelivered_seconds',
    help: 'Age of the oldest event that waits for its delivery to a webhook; 0 if there is none.',
    registers,
  });
  const stripeEvents = new Counter({
    name: 'weir_stripe_events_total',
    help: 'Events that Stripe has sent to this node, by what became of them. docs/billing.md lists the results.',
    labelNames: ['result'] as const,
    registers,
  });
  return {
    recordStripeEvent: (result) => stripeEvents.inc({ result }),
    recordDelivery: (result, count) => deliveries.inc({ result }, count),
    recordWebhookDisabled: () => disabled.inc(),
    recordBacklog({ count, oldestSeconds }) {
      backlog.set(count);
      oldest.set(oldestSeconds);
    },
  };
}

import { setTimeout as sleep } from 'node:timers/promises';
import { createQuery, type Database } from '../database/open-database.ts';
import {
  type Backlog,
  type ClaimedDelivery,
  claimDeliveries,
  eraseExpiredSecrets,
  readBacklog,
  recordDelivered,
  recordFailure,
} from '../database/outbox/delivery-rows.ts';
import { disableFailingWebhook } from '../database/outbox/disable-webhook.ts';
import type { HostList } from '../domain/issuers/key-url.ts';
import type { TextSealer } from '../identity/secrets/text-sealer.ts';
import type { Logger } from '../interfaces/logger.ts';
import type { Query } from '../interfaces/query.ts';
import { buildCloudEvent } from './build-event.ts';
import { computeRetryDelay, RETRY_PERIOD_MS } from './retry-schedule.ts';
import { type AttemptResult, sendEvent } from './send-event.ts';

/** Result of an attempt: `failed` is retried, `given_up` is not. */
export type DeliveryResult = 'delivered' | 'failed' | 'given_up';

export interface DeliveryOptions {
  readonly database: Database;
  readonly webhookSealer: TextSealer;
  readonly eventSealer: TextSealer;
  /** The `source` of the CloudEvents. */
  readonly source: string;
  readonly privateHosts: HostList;
  readonly log: Logger;
  recordDelivery(result: DeliveryResult, count: number): void;
  recordWebhookDisabled(): void;
  recordBacklog(backlog: Backlog): void;
}

const POLL_MS = 500;
const UNAVAILABLE_POLL_MS = 5_000;
const MAINTENANCE_MS = 10_000;
/** Bounds what a webhook that hangs can occupy. The others have room of their own. */
const MAX_PER_WEBHOOK = 8;
/** Longer than an attempt and its record take. */
const LEASE_MS = 60_000;
/** The webhook says that it is gone for good. */
const GONE = 410;

/** Delivers events to webhooks. The workers of several nodes share the deliveries. */
export class DeliveryWorker {
  readonly #options: DeliveryOptions;
  readonly #query: Query;
  readonly #stopping = new AbortController();
  /** Deliveries in progress, by the id of the webhook. */
  readonly #inFlight = new Map<string, Set<Promise<void>>>();
  #nextMaintenance = 0;
  #running: Promise<void> | undefined;
  /** Ends the wait for the next poll. */
  #wake: () => void = () => {};

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#query = createQuery(options.database);
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Finishes the attempts in progress. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    await Promise.all([...this.#inFlight.values()].flatMap((deliveries) => [...deliveries]));
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const delayMs = await this.#poll().then(
        () => POLL_MS,
        (error: unknown) => {
          this.#options.log.warn({ err: error }, 'could not read the deliveries to webhooks; trying again in 5 s');
          return UNAVAILABLE_POLL_MS;
        },
      );
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([sleep(delayMs, undefined, { signal, ref: false }).catch(() => {}), woken]); // rejects when aborted
    }
  }

  async #poll(): Promise<void> {
    if (performance.now() >= this.#nextMaintenance) await this.#maintain();
    const inFlight = Object.fromEntries([...this.#inFlight].map(([id, { size }]) => [id, size]));
    const options = { maxPerWebhook: MAX_PER_WEBHOOK, inFlight, leaseMs: LEASE_MS };
    for (const delivery of await claimDeliveries(this.#query, options)) this.#begin(delivery);
  }

  async #maintain(): Promise<void> {
    const expired = await eraseExpiredSecrets(this.#query);
    if (expired > 0) this.#options.recordDelivery('given_up', expired);
    this.#options.recordBacklog(await readBacklog(this.#query));
    this.#nextMaintenance = performance.now() + MAINTENANCE_MS;
  }

  #begin(delivery: ClaimedDelivery): void {
    const { webhookId } = delivery;
    const others = this.#inFlight.get(webhookId) ?? new Set();
    this.#inFlight.set(webhookId, others);
    const attempt = this.#deliver(delivery)
      .catch((error: unknown) => {
        const fields = { err: error, webhook: webhookId, event: delivery.eventId };
        this.#options.log.warn(fields, 'could not record the delivery of an event; it will be repeated');
      })
      .finally(() => {
        others.delete(attempt);
        if (others.size === 0) this.#inFlight.delete(webhookId);
        this.#wake();
      });
    others.add(attempt);
  }

  async #deliver(delivery: ClaimedDelivery): Promise<void> {
    const { status, error } = await this.#attempt(delivery);
    if (error === undefined) {
      this.#options.recordDelivery('delivered', 1);
      await recordDelivered(this.#query, delivery, status ?? 0);
      return;
    }
    const delayMs = computeRetryDelay(delivery.attempts, Math.random());
    const retryPeriodMs = status === GONE ? 0 : RETRY_PERIOD_MS;
    const isGivenUp = await recordFailure(this.#query, delivery, { status, error, delayMs, retryPeriodMs });
    this.#options.recordDelivery(isGivenUp ? 'given_up' : 'failed', 1);
    if (isGivenUp) await this.#giveUp(delivery, error, retryPeriodMs);
  }

  async #attempt({ webhookId, url, eventId, ...delivery }: ClaimedDelivery): Promise<AttemptResult> {
    const { webhookSealer, eventSealer, source, privateHosts } = this.#options;
    const secrets = delivery.sealedSigningSecrets.map((sealed) => webhookSealer.open(webhookId, sealed));
    if (!secrets.every((secret) => secret !== undefined)) {
      const error = 'the secret of the webhook was sealed with another SIGNING_KEY_SECRET; rotate it';
      return { status: undefined, error };
    }
    const { sealedSecret } = delivery;
    const token = sealedSecret === null ? undefined : eventSealer.open(eventId, sealedSecret);
    if (sealedSecret !== null && token === undefined) {
      return { status: undefined, error: 'the token in the event was sealed with another SIGNING_KEY_SECRET' };
    }
    const body = buildCloudEvent({ ...delivery, eventId }, source, token);
    return sendEvent({ url, eventId, body, secrets }, privateHosts);
  }

  /** A webhook that still accepts other events stays enabled. */
  async #giveUp({ webhookId, eventId }: ClaimedDelivery, error: string, aliveMs: number): Promise<void> {
    const fields = { webhook: webhookId, event: eventId, error };
    this.#options.log.warn(fields, 'gave up the delivery of an event');
    const reason =
      aliveMs === 0 ? 'it has answered that it is gone (410)' : `no delivery has succeeded for 24 hours: ${error}`;
    if (!(await disableFailingWebhook(this.#options.database, { webhookId, reason, aliveMs }))) return;
    this.#options.recordWebhookDisabled();
    this.#options.log.error({ webhook: webhookId, reason }, 'disabled a webhook');
  }
}

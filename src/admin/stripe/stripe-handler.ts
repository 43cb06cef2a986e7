import type { CallEvents } from '../../database/audit/call-events.ts';
import { createCall, nameActor, nameResource, runCall } from '../../database/audit/current-call.ts';
import { isDatabaseUnavailable } from '../../database/database-errors.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { Actor } from '../../domain/audit-event.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { PlanChangeOptions } from '../plan-changes/change-plan.ts';
import { applySubscriptionEvent, UnknownResource } from './apply-subscription-event.ts';
import { readSubscriptionEvent, type SubscriptionEvent } from './read-subscription-event.ts';
import { isSignedByStripe } from './verify-signature.ts';

export interface StripeRequest {
  readonly body: Buffer;
  /** The header `stripe-signature`; empty: it is absent. */
  readonly signature: string;
  /** IP address of the sender. */
  readonly peer: string;
  readonly requestId: string;
}

/** Stripe repeats an event whose answer has another status than 2xx, for up to three days. */
export interface StripeAnswer {
  readonly status: number;
  /** JSON. */
  readonly body: string;
}

export interface StripeHandlerOptions extends PlanChangeOptions {
  /** The signing secret of the endpoint. */
  readonly secret: string;
  readonly callEvents: Pick<CallEvents, 'recordLater'>;
  readonly log: Pick<Logger, 'info' | 'warn' | 'error'>;
  readonly metrics: {
    /** Counts an event by what became of it. */
    recordStripeEvent(result: string): void;
  };
}

const STRIPE: Actor = { kind: 'SYSTEM', name: 'stripe' };
const NOBODY: Actor = { kind: 'ANONYMOUS', name: '' };

/** Creates the handler of the events that Stripe sends. It never rejects. */
export function createStripeHandler(options: StripeHandlerOptions): (request: StripeRequest) => Promise<StripeAnswer> {
  const { secret, callEvents, log, metrics } = options;

  const refuse = (status: number, code: string, message: string): StripeAnswer => {
    metrics.recordStripeEvent(code);
    return { status, body: `${JSON.stringify({ error: { code, message } })}\n` };
  };

  const finish = (result: string): StripeAnswer => {
    metrics.recordStripeEvent(result);
    return { status: 200, body: `${JSON.stringify({ result })}\n` };
  };

  const fail = (error: unknown, event: SubscriptionEvent): StripeAnswer => {
    if (error instanceof UnknownResource) {
      const isAccount = error.collection === 'accounts';
      const code = isAccount ? 'unknown_account' : 'unknown_plan';
      log.warn({ event: event.id, subscription: event.subscriptionId, code }, 'could not apply an event of Stripe');
      const message = isAccount
        ? 'metadata.weir_account: must be the id of an account'
        : 'metadata.weir_plan, or the lookup_key of a price: must be the id of a plan';
      return refuse(422, code, message);
    }
    const isTemporary = error instanceof ApiError || isDatabaseUnavailable(error);
    if (!isTemporary) log.error({ event: event.id, err: error }, 'applying an event of Stripe failed');
    return isTemporary ? refuse(503, 'unavailable', 'retry later') : refuse(500, 'internal', 'internal error');
  };

  const apply = async (event: SubscriptionEvent): Promise<StripeAnswer> => {
    nameActor(STRIPE);
    nameResource(`accounts/${event.accountId}`);
    try {
      const result = await applySubscriptionEvent(event, options);
      const { id, subscriptionId, accountId } = event;
      log.info({ event: id, subscription: subscriptionId, account: accountId, result }, 'handled an event of Stripe');
      return finish(result);
    } catch (error) {
      return fail(error, event);
    }
  };

  return async ({ body, signature, peer, requestId }) => {
    const refused = (actor: Actor, method: string, result: string) =>
      callEvents.recordLater({
        requestId,
        method,
        peer,
        actor,
        resource: '',
        accountId: undefined,
        result,
        changes: [],
      });
    if (!isSignedByStripe(signature, body, secret, Date.now())) {
      refused(NOBODY, 'stripe', 'INVALID_SIGNATURE');
      return refuse(400, 'invalid_signature', 'stripe-signature: must sign the body, at most 300 seconds ago');
    }
    const read = readSubscriptionEvent(body.toString());
    if (read.kind === 'foreign') return finish('ignored');
    if (read.kind === 'malformed') return refuse(400, 'malformed', 'body: must be an event of a subscription');
    const { event } = read;
    const method = `stripe.${event.type}`;
    const answer = await runCall(createCall({ requestId, method, peer }), () => apply(event));
    if (answer.status === 422) refused(STRIPE, method, 'UNKNOWN_RESOURCE');
    return answer;
  };
}

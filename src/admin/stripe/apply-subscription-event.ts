import { LockMode } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { runInTransaction } from '../../database/call-transaction.ts';
import { PlanEntity } from '../../database/entities/plan-entity.ts';
import { ChangePlanRequest } from '../../generated/weir/admin/v1/plan_change.ts';
import { isResourceId } from '../fields/resource-names.ts';
import { changePlan, type PlanChangeOptions } from '../plan-changes/change-plan.ts';
import { findHolder } from '../plan-changes/plan-holder.ts';
import { SUBSCRIPTION_EVENT_TYPES, type SubscriptionEvent } from './read-subscription-event.ts';

/**
 * The effect of an event. `unchanged`: the account has the plan already, or the plan of the subscription is the same as
 * before. `duplicate`: it was handled before. `outdated`: a later event of the subscription was.
 */
export type AppliedEvent = 'applied' | 'unchanged' | 'duplicate' | 'outdated' | 'ignored';

/** The event names an account or a plan that does not exist. Nothing is stored, so that a retry can still be applied. */
export class UnknownResource extends Error {
  readonly collection: 'accounts' | 'plans';

  constructor(collection: 'accounts' | 'plans') {
    super(`${collection} has no such resource`);
    this.collection = collection;
  }
}

/** The plan of accounts without a subscription: that of accounts that sign up. */
const PLAN_WITHOUT_SUBSCRIPTION = 'free';

/**
 * Gives an account the plan of its subscription, once for each event. Events may arrive in any order. Throws
 * UnknownResource.
 */
export function applySubscriptionEvent(event: SubscriptionEvent, options: PlanChangeOptions): Promise<AppliedEvent> {
  return runInTransaction(options.database, 'commit', async (em) => {
    if (!(await storeEvent(em, event))) return 'duplicate';
    if (event.state === 'pending') return 'ignored';
    // Locked first, so that events of one account follow one another.
    const holder = await findAccount(em, event.accountId);
    if (holder === undefined) {
      if (event.state === 'ended') return 'ignored';
      throw new UnknownResource('accounts');
    }
    const planId = event.state === 'active' ? await findPlan(em, event) : undefined;
    const stored = await storeSubscription(em, event, planId);
    if (stored !== 'changed') return stored;
    const wanted = await findPlanOfAccount(em, event.accountId);
    if (wanted === holder.planId) return 'unchanged';
    const request = ChangePlanRequest.fromPartial({ name: holder.name, plan: `plans/${wanted}` });
    await changePlan('accounts', request, options);
    return 'applied';
  });
}

/** Returns whether the event is new. */
async function storeEvent(em: EntityManager, { id, type, createTime }: SubscriptionEvent): Promise<boolean> {
  const stored = await em.execute(
    'insert into stripe_event (id, type, create_time) values (?, ?, ?) on conflict (id) do nothing returning id',
    [id, type, createTime],
  );
  return stored.length > 0;
}

async function findAccount(em: EntityManager, id: string): ReturnType<typeof findHolder> {
  return isResourceId('accounts', id)
    ? findHolder(em, { collection: 'accounts', id }, LockMode.PESSIMISTIC_WRITE)
    : undefined;
}

/** Throws UnknownResource if the event names no plan that exists. */
async function findPlan(em: EntityManager, { planId, lookupKeys }: SubscriptionEvent): Promise<string> {
  const named = planId === undefined ? lookupKeys : [planId];
  const plans = await em.find(PlanEntity, { id: { $in: [...named] } });
  const found = named.find((id) => plans.some((plan) => plan.id === id));
  if (found === undefined) throw new UnknownResource('plans');
  return found;
}

/** Stores what the event says about its subscription. `planId`: undefined if the subscription has ended. */
async function storeSubscription(
  em: EntityManager,
  { subscriptionId, accountId, type, createTime }: SubscriptionEvent,
  planId: string | undefined,
): Promise<'changed' | 'unchanged' | 'outdated'> {
  const previous = await em.execute<{ plan_id: string | null }[]>(
    'select plan_id from stripe_subscription where id = ? and account_id = ?',
    [subscriptionId, accountId],
  );
  // Stripe's times are whole seconds. Within one, a subscription is created before it is updated or deleted.
  const stage = SUBSCRIPTION_EVENT_TYPES.indexOf(type);
  const stored = await em.execute(
    `insert into stripe_subscription as known (id, account_id, plan_id, event_time, event_stage)
     values (?, ?, ?, ?, ?)
     on conflict (id) do update set account_id = excluded.account_id, plan_id = excluded.plan_id,
       event_time = excluded.event_time, event_stage = excluded.event_stage
     where (known.event_time, known.event_stage) <= (excluded.event_time, excluded.event_stage)
     returning id`,
    [subscriptionId, accountId, planId ?? null, createTime, stage],
  );
  if (stored.length === 0) return 'outdated';
  const [before] = previous;
  return before !== undefined && before.plan_id === (planId ?? null) ? 'unchanged' : 'changed';
}

/** The plan of the subscription that has changed last, among those that have not ended. */
async function findPlanOfAccount(em: EntityManager, accountId: string): Promise<string> {
  const [subscription] = await em.execute<{ plan_id: string }[]>(
    `select plan_id from stripe_subscription join plan on plan.id = plan_id where account_id = ?
     order by event_time desc, event_stage desc, stripe_subscription.id limit 1`,
    [accountId],
  );
  return subscription?.plan_id ?? PLAN_WITHOUT_SUBSCRIPTION;
}

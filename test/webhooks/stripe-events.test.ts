import { createHmac, randomUUID } from 'node:crypto';
import { describe, expect } from 'vitest';
import { AccountServiceService, CreateAccountRequest } from '../../src/generated/weir/admin/v1/account_service.ts';
import { AuditServiceService, ListAuditEventsRequest } from '../../src/generated/weir/admin/v1/audit_service.ts';
import { ChangePlanRequest } from '../../src/generated/weir/admin/v1/plan_change.ts';
import { CreatePlanRequest, PlanServiceService } from '../../src/generated/weir/admin/v1/plan_service.ts';
import type { Headers } from '../support/clients/grpc-client.ts';
import { test } from '../support/fixtures.ts';
import type { TestNode } from '../support/node.ts';

const SECRET = 'whsec_of_the_tests_0123456789';
const it = test.override('environment', { STRIPE_WEBHOOK_SECRET: SECRET });

interface FakeSubscription {
  readonly account?: string | undefined;
  readonly subscription?: string;
  readonly type?: 'created' | 'updated' | 'deleted';
  readonly status?: string;
  /** The lookup key of the only price. */
  readonly price?: string;
  readonly plan?: string;
  /** Unix time in seconds. */
  readonly created?: number;
}

/** Some fields of an event as Stripe sends it. */
function makeEvent(fields: FakeSubscription): string {
  const { account, subscription = `sub_${randomId()}`, type = 'updated', status = 'active', price, plan } = fields;
  return JSON.stringify({
    id: `evt_${randomId()}`,
    object: 'event',
    api_version: '2024-06-20',
    created: fields.created ?? Math.floor(Date.now() / 1000),
    type: `customer.subscription.${type}`,
    livemode: true,
    data: {
      object: {
        id: subscription,
        object: 'subscription',
        status,
        customer: 'cus_TpUu5CSvAv9bmB',
        metadata: { ...(account && { weir_account: account }), ...(plan && { weir_plan: plan }) },
        items: { object: 'list', data: [{ id: 'si_1', price: { id: 'price_1', lookup_key: price, metadata: {} } }] },
      },
    },
  });
}

function randomId(): string {
  return randomUUID().replaceAll('-', '');
}

const seconds = () => Math.floor(Date.now() / 1000);
const hmac = (payload: string, secret = SECRET) => createHmac('sha256', secret).update(payload).digest('hex');

/** Signs as https://docs.stripe.com/webhooks/signature says. */
function sign(body: string, time = seconds(), secret = SECRET): string {
  return `t=${time},v1=${hmac(`${time}.${body}`, secret)}`;
}

async function post(node: TestNode, body: string, signature = sign(body), contentType = 'application/json') {
  const headers = { 'content-type': contentType, 'stripe-signature': signature };
  const response = await node.fetch('/v1/billing/stripe', { method: 'POST', headers, body });
  const text = await response.text();
  const answer = text.startsWith('{') ? (JSON.parse(text) as { result?: string; error?: { code: string } }) : {};
  return { status: response.status, answer: answer.result ?? answer.error?.code };
}

async function createAccount(node: TestNode, headers: Headers): Promise<string> {
  const request = CreateAccountRequest.fromPartial({ account: { displayName: 'customer', plan: 'plans/free' } });
  const { name } = await node.admin.call(AccountServiceService.createAccount, request, headers);
  return name.slice('accounts/'.length);
}

async function planOf(node: TestNode, account: string, headers: Headers): Promise<string> {
  return (await node.admin.call(AccountServiceService.getAccount, { name: `accounts/${account}` }, headers)).plan;
}

describe('an event of Stripe', () => {
  it('gives an account the plan of its subscription, and the plan free when it ends', async ({
    node,
    administrator,
  }) => {
    const account = await createAccount(node, administrator);
    const subscription = `sub_${randomId()}`;
    const event = (fields: FakeSubscription) => makeEvent({ account, subscription, ...fields });
    const plan = () => planOf(node, account, administrator);

    expect(await post(node, event({ type: 'created', status: 'incomplete', price: 'pro' }))).toEqual({
      status: 200,
      answer: 'ignored',
    });
    expect(await plan()).toBe('plans/free');
    expect(await post(node, event({ price: 'pro' }))).toEqual({ status: 200, answer: 'applied' });
    expect(await plan()).toBe('plans/pro');
    // Metadata of the subscription come first.
    expect(await post(node, event({ price: 'pro', plan: 'enterprise' }))).toMatchObject({ answer: 'applied' });
    expect(await plan()).toBe('plans/enterprise');
    expect(await post(node, event({ type: 'deleted', status: 'canceled' }))).toMatchObject({ answer: 'applied' });
    expect(await plan()).toBe('plans/free');
  });

  it('is applied once, however often it comes', async ({ node, administrator, startNode }) => {
    const account = await createAccount(node, administrator);
    const other = await startNode();
    const body = makeEvent({ account, price: 'pro' });
    const answers = await Promise.all([node, other, node, other].map((at) => post(at, body)));
    expect(answers.map(({ answer }) => answer).sort()).toEqual(['applied', 'duplicate', 'duplicate', 'duplicate']);
    expect(await planOf(node, account, administrator)).toBe('plans/pro');
    expect(await post(node, body)).toEqual({ status: 200, answer: 'duplicate' });
  });

  it('is ignored if a later one of its subscription has come before', async ({ node, administrator }) => {
    const account = await createAccount(node, administrator);
    const subscription = `sub_${randomId()}`;
    const created = seconds();
    const event = (fields: FakeSubscription) => makeEvent({ account, subscription, created, ...fields });
    await post(node, event({ type: 'deleted', status: 'canceled' }));
    expect(await post(node, event({ price: 'pro', created: created - 1 }))).toMatchObject({ answer: 'outdated' });
    // Of the same second.
    expect(await post(node, event({ price: 'pro', type: 'created' }))).toMatchObject({ answer: 'outdated' });
    expect(await planOf(node, account, administrator)).toBe('plans/free');
  });

  it('ends one of two subscriptions without touching the plan of the other', async ({ node, administrator }) => {
    const account = await createAccount(node, administrator);
    const old = { account, subscription: `sub_${randomId()}`, created: seconds() - 60 };
    await post(node, makeEvent({ ...old, price: 'pro' }));
    await post(node, makeEvent({ account, price: 'enterprise' }));
    const ended = makeEvent({ ...old, created: seconds() + 60, type: 'deleted', status: 'canceled' });
    expect(await post(node, ended)).toMatchObject({ answer: 'unchanged' });
    expect(await planOf(node, account, administrator)).toBe('plans/enterprise');
  });

  it('leaves a plan alone that an administrator has set since, unless the subscription gets another', async ({
    node,
    administrator,
  }) => {
    const account = await createAccount(node, administrator);
    const subscription = `sub_${randomId()}`;
    await post(node, makeEvent({ account, subscription, price: 'pro' }));
    const change = ChangePlanRequest.fromPartial({ name: `accounts/${account}`, plan: 'plans/enterprise' });
    await node.admin.call(AccountServiceService.changePlan, change, administrator);
    const again = makeEvent({ account, subscription, price: 'pro' });
    expect(await post(node, again)).toMatchObject({ answer: 'unchanged' });
    expect(await planOf(node, account, administrator)).toBe('plans/enterprise');
  });

  it('is audited as a change by stripe', async ({ node, administrator }) => {
    const account = await createAccount(node, administrator);
    await post(node, makeEvent({ account, price: 'pro' }));
    const request = ListAuditEventsRequest.fromPartial({ filter: `resource = "accounts/${account}"` });
    const { auditEvents } = await node.admin.call(AuditServiceService.listAuditEvents, request, administrator);
    expect(auditEvents[0]).toMatchObject({ actor: 'stripe', method: 'stripe.customer.subscription.updated' });
    expect(auditEvents[0]?.changes).toEqual([
      expect.objectContaining({ field: 'plan', oldValue: 'plans/free', newValue: 'plans/pro' }),
    ]);
  });

  it('is repeated until its account and plan exist', async ({ node, administrator }) => {
    const missing = makeEvent({ account: 'comes-later', price: 'pro' });
    expect(await post(node, missing)).toEqual({ status: 422, answer: 'unknown_account' });
    const account = await createAccount(node, administrator);
    const named = makeEvent({ account, price: 'stripe-only' });
    expect(await post(node, named)).toEqual({ status: 422, answer: 'unknown_plan' });
    expect(await planOf(node, account, administrator)).toBe('plans/free');
    const plan = { displayName: 'Stripe only', limits: [{ name: 'day', requests: 1, window: '1d' }] };
    const create = CreatePlanRequest.fromPartial({ planId: 'stripe-only', plan });
    await node.admin.call(PlanServiceService.createPlan, create, administrator);
    expect(await post(node, named)).toEqual({ status: 200, answer: 'applied' });
    // The end of a subscription of a deleted account has nothing to do.
    const ended = makeEvent({ account: 'was-deleted', type: 'deleted', status: 'canceled' });
    expect(await post(node, ended)).toEqual({ status: 200, answer: 'ignored' });
  });

  it('is ignored if it is not about an account of Weir', async ({ node }) => {
    expect(await post(node, makeEvent({ account: undefined }))).toEqual({ status: 200, answer: 'ignored' });
    const invoice = JSON.stringify({ id: 'evt_1', type: 'invoice.paid', created: 1, data: { object: {} } });
    expect(await post(node, invoice)).toEqual({ status: 200, answer: 'ignored' });
  });
});

describe('the endpoint for Stripe', () => {
  it('accepts one good signature among several, such as while a secret is rolled', async ({ node }) => {
    const body = makeEvent({});
    const time = seconds();
    const good = hmac(`${time}.${body}`);
    const other = hmac(`${time}.${body}`, 'another secret');
    expect(await post(node, body, `t=${time},v1=${other},v1=${good},v0=${other}`)).toMatchObject({ status: 200 });
  });

  it('refuses whatever is not signed by the secret, just now', async ({ node, administrator }) => {
    const account = await createAccount(node, administrator);
    const body = makeEvent({ account, price: 'pro' });
    const time = seconds();
    const good = hmac(`${time}.${body}`);
    const refused = { status: 400, answer: 'invalid_signature' };
    const signatures = {
      none: '',
      'of another secret': sign(body, time, 'another secret'),
      'of another body': sign(`${body} `, time),
      'of another time': `t=${time - 1},v1=${good}`,
      'too old': sign(body, time - 302),
      'from the future': sign(body, time + 320),
      'of another scheme': `t=${time},v0=${good}`,
      'with two times': `t=${time},t=${time - 1},v1=${good}`,
      'without a time': `v1=${good}`,
      'cut off': `t=${time},v1=${good.slice(0, -2)}`,
    };
    for (const [name, signature] of Object.entries(signatures)) {
      expect([name, await post(node, body, signature)]).toEqual([name, refused]);
    }
    expect(await planOf(node, account, administrator)).toBe('plans/free');
  });

  it('refuses huge bodies, other media types, other methods and what is no event', async ({ node }) => {
    const huge = JSON.stringify({ padding: 'x'.repeat(64 * 1024) });
    expect(await post(node, huge)).toEqual({ status: 413, answer: 'too_large' });
    const body = makeEvent({});
    expect(await post(node, body, sign(body), 'text/plain')).toEqual({ status: 415, answer: 'unsupported_media_type' });
    expect((await node.fetch('/v1/billing/stripe')).status).toBe(405);
    for (const text of ['', '[]', '{', '{"id":"evt_1","type":"customer.subscription.updated","created":1}']) {
      expect([text, await post(node, text)]).toEqual([text, { status: 400, answer: 'malformed' }]);
    }
  });

  it('is not there without a secret', async ({ startNode }) => {
    const without = await startNode({ STRIPE_WEBHOOK_SECRET: '' });
    expect(await post(without, makeEvent({}))).toMatchObject({ status: 404 });
  });
});

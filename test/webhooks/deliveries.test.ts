import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { warnOfUnsentTokens } from '../../src/app/writer/warn-of-unsent-tokens.ts';
import { createQuery } from '../../src/database/open-database.ts';
import { Account } from '../../src/generated/weir/admin/v1/account.ts';
import {
  WebhookDelivery_State as State,
  Webhook,
  WebhookServiceService,
} from '../../src/generated/weir/admin/v1/webhook_service.ts';
import { bearer, newEmail, PASSWORD, startHolderNode } from '../admin/account-holder.ts';
import { createClient, startAdminNode } from '../admin/admin-node.ts';
import { newDatabase } from '../support/databases.ts';
import { verifyDelivery, WebhookReceiver } from '../support/servers/webhook-receiver.ts';

let holder: Awaited<ReturnType<typeof startHolderNode>>;
let otherNode: Awaited<ReturnType<typeof startAdminNode>>;
let webhooks: ReturnType<typeof createClient<typeof WebhookServiceService>>;
let receiver: WebhookReceiver;

beforeAll(async () => {
  const url = await newDatabase();
  const environment = { WEBHOOK_PRIVATE_HOSTS: '127.0.0.1', REGISTRATION: 'verified' };
  holder = await startHolderNode(url, environment);
  otherNode = await startAdminNode(url, environment);
  webhooks = createClient(WebhookServiceService, holder.node.address);
});
afterAll(async () => {
  webhooks.close();
  await holder.stop();
  await otherNode.stop();
});
beforeEach(async () => {
  await run('delete from webhook');
  receiver = await WebhookReceiver.start();
});
afterEach(() => receiver.stop());

const run = (sql: string, ...parameters: unknown[]) => createQuery(holder.node.database)(sql, parameters);

async function addWebhook(eventTypes: readonly string[], url = receiver.url) {
  const { webhook, secret } = await webhooks.createWebhook(
    { webhook: Webhook.fromPartial({ url, eventTypes: [...eventTypes] }) },
    holder.admin,
  );
  return { name: webhook?.name ?? '', secret };
}
const sendTest = (name: string) => webhooks.sendTestEvent({ name }, holder.admin);
const listDeliveries = async (parent: string) =>
  (await webhooks.listWebhookDeliveries({ parent }, holder.admin)).deliveries;
const getWebhook = (name: string) => webhooks.getWebhook({ name }, holder.admin);
/** Lets the next attempt of each delivery begin now. */
const hurry = () => run(`update webhook_delivery set next_attempt_time = now() where state = 'pending'`);
/** Waits until the only delivery of a webhook has this many attempts. */
const untilAttempted = (name: string, attempts: number) =>
  expect
    .poll(async () => (await listDeliveries(name))[0])
    .toMatchObject({ attempts, nextAttemptTime: expect.any(Date) });

describe('a delivery', () => {
  it('is a signed CloudEvent, which the library of Standard Webhooks accepts', async () => {
    const { name, secret } = await addWebhook(['account.*']);
    const { name: account } = await holder.accounts.createAccount(
      { account: Account.fromPartial({ displayName: 'Ada' }) },
      holder.admin,
    );
    await expect.poll(() => receiver.types).toEqual(['weir.account.created.v1']);
    const [received = expect.fail()] = receiver.received;
    expect(verifyDelivery(secret, received)).toMatchObject({
      ...{ specversion: '1.0', source: 'weir', type: 'weir.account.created.v1', subject: account },
      ...{ account: account.slice('accounts/'.length), data: { name: account, displayName: 'Ada' } },
    });
    expect(received.headers).toMatchObject({
      ...{ 'content-type': 'application/cloudevents+json', 'webhook-id': received.event.id },
    });
    expect(() => verifyDelivery('whsec_c29tZSBvdGhlciBzZWNyZXQ', received)).toThrow('No matching signature');
    await expect.poll(async () => (await getWebhook(name)).lastDeliveryTime).toBeInstanceOf(Date);
  });

  it('is made once, however many nodes there are', async () => {
    await addWebhook(['account.created']);
    const ids = Array.from({ length: 40 }, (_, index) => `many-${index}`);
    await Promise.all(
      ids.map((accountId) =>
        holder.accounts.createAccount({ accountId, account: Account.fromPartial({}) }, holder.admin),
      ),
    );
    await expect.poll(async () => run(`select 1 from webhook_delivery where state <> 'delivered'`)).toEqual([]);
    const subjects = receiver.received.map(({ event }) => event.subject);
    expect(subjects.sort()).toEqual(ids.map((id) => `accounts/${id}`).sort());
  });

  it('is repeated after an error, with the same id and body', async () => {
    receiver.answer = (response) => response.writeHead(receiver.received.length === 1 ? 500 : 200).end();
    const { name, secret } = await addWebhook(['key.*']);
    await sendTest(name);
    await untilAttempted(name, 1);
    expect(await listDeliveries(name)).toMatchObject([
      { state: State.PENDING, responseStatus: 500, error: 'must respond with a status from 200 to 299 (got 500)' },
    ]);
    await hurry();
    await expect.poll(async () => (await listDeliveries(name))[0]?.state).toBe(State.DELIVERED);
    const [first = expect.fail(), second = expect.fail()] = receiver.received;
    expect(second.body).toBe(first.body);
    expect(second.headers['webhook-id']).toBe(first.headers['webhook-id']);
    for (const attempt of [first, second]) verifyDelivery(secret, attempt);
  });

  it.each([
    ['a redirect', (url: string) => [307, { location: url }, ''] as const, 'must not redirect (got 307)'],
    ['an endless answer', () => [200, {}, 'x'.repeat(70_000)] as const, 'must respond with at most 65536 bytes'],
  ])('fails on %s', async (_, answer, error) => {
    const target = await WebhookReceiver.start();
    const [status, headers, body] = answer(target.url);
    receiver.answer = (response) => response.writeHead(status, headers).end(body);
    const { name } = await addWebhook(['key.*']);
    await sendTest(name);
    await untilAttempted(name, 1);
    expect((await listDeliveries(name))[0]?.error).toContain(error);
    expect(target.received).toEqual([]);
    await target.stop();
  });

  it('to a receiver that hangs ends after 5 s, and delays no other webhook', async () => {
    receiver.answer = () => {}; // never
    const hanging = await addWebhook(['webhook.disabled']);
    for (let index = 0; index < 12; index++) await sendTest(hanging.name);
    await expect.poll(() => receiver.received.length).toBeGreaterThanOrEqual(8);
    const other = await WebhookReceiver.start();
    const { name } = await addWebhook(['webhook.disabled'], other.url);
    await sendTest(name);
    await expect.poll(() => other.types).toEqual(['weir.webhook.test.v1']);
    const isPending = (await listDeliveries(hanging.name)).every(({ error }) => error === '');
    expect(isPending, 'the other webhook did not wait for the timeouts').toBe(true);
    await expect
      .poll(async () => (await listDeliveries(hanging.name)).map(({ error }) => error))
      .toContain('must respond within 5 s');
    await other.stop();
  });
});

describe('a webhook', () => {
  it('is disabled when nothing was delivered for 24 hours, which others learn', async () => {
    receiver.answer = (response) => response.writeHead(503).end();
    const { name } = await addWebhook(['key.*']);
    const monitor = await WebhookReceiver.start();
    await addWebhook(['webhook.disabled'], monitor.url);
    await sendTest(name);
    await untilAttempted(name, 1);
    await run(
      `update webhook_delivery set first_attempt_time = first_attempt_time - interval '24 h', next_attempt_time = now()
       where state = 'pending'`,
    );
    await expect.poll(async () => (await getWebhook(name)).disabled).toBe(true);
    expect((await getWebhook(name)).disableReason).toContain('no delivery has succeeded for 24 hours');
    expect(await listDeliveries(name)).toMatchObject([
      { state: State.FAILED, attempts: 2, nextAttemptTime: undefined },
    ]);
    await expect
      .poll(() => monitor.received.map(({ event }) => event))
      .toMatchObject([{ type: 'weir.webhook.disabled.v1', subject: name, data: { name, url: receiver.url } }]);
    const metrics = await Promise.all([holder.node, otherNode].map(({ httpPort }) => readMetrics(httpPort)));
    expect(metrics.join('\n')).toMatch(/^weir_webhooks_disabled_total 1$/m);
    expect(metrics.join('\n')).toMatch(/^weir_webhook_deliveries_total\{result="given_up"\} 1$/m);
    await monitor.stop();
  });

  it('that still accepts other events stays enabled', async () => {
    receiver.answer = (response) => response.writeHead(receiver.received.length === 1 ? 503 : 200).end();
    const { name } = await addWebhook(['key.*']);
    await sendTest(name);
    await untilAttempted(name, 1);
    await sendTest(name);
    await expect.poll(async () => (await getWebhook(name)).lastDeliveryTime).toBeInstanceOf(Date);
    receiver.answer = (response) => response.writeHead(503).end();
    await run(
      `update webhook_delivery set first_attempt_time = first_attempt_time - interval '24 h', next_attempt_time = now()
       where state = 'pending'`,
    );
    await expect.poll(async () => (await listDeliveries(name)).map(({ state }) => state)).toContain(State.FAILED);
    expect((await getWebhook(name)).disabled).toBe(false);
  });

  it('that answers 410 is disabled at once', async () => {
    receiver.answer = (response) => response.writeHead(410).end();
    const { name } = await addWebhook(['key.*']);
    await sendTest(name);
    await expect.poll(async () => (await getWebhook(name)).disableReason).toContain('gone (410)');
  });

  it('that is enabled again gets the deliveries that wait', async () => {
    receiver.answer = (response) => response.writeHead(503).end();
    const { name } = await addWebhook(['key.*']);
    await sendTest(name);
    await untilAttempted(name, 1);
    await webhooks.updateWebhook({ webhook: Webhook.fromPartial({ name, disabled: true }) }, holder.admin);
    receiver.answer = (response) => response.writeHead(200).end();
    await webhooks.updateWebhook({ webhook: Webhook.fromPartial({ name }), updateMask: 'disabled' }, holder.admin);
    await expect.poll(async () => listDeliveries(name)).toMatchObject([{ state: State.DELIVERED, attempts: 1 }]);
  });
});

async function readMetrics(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
}

it('a node warns at its start while no webhook would send the tokens that REGISTRATION=verified needs', async () => {
  const warn = 'no webhook gets the tokens that verify addresses';
  expect(JSON.stringify(holder.node.lines)).toContain(warn);
  await addWebhook(['email_verification.requested']);
  const lines: string[] = [];
  const log = { warn: (_: object, message: string) => void lines.push(message) };
  await warnOfUnsentTokens({ registration: 'verified' }, createQuery(holder.node.database), log);
  expect(lines).toEqual([]);
});

describe('a one-time token', () => {
  const readStored = async () => JSON.stringify(await run('select * from webhook_delivery, outbox_event, audit_event'));

  it('is in the event that sends it, and nowhere else', async () => {
    const { name, secret } = await addWebhook(['email_verification.requested', 'password_reset.requested']);
    receiver.answer = (response) => response.writeHead(receiver.received.length === 1 ? 500 : 200).end();
    const email = newEmail();
    await holder.auth.register({ email, password: PASSWORD });
    await expect.poll(() => receiver.types).toEqual(['weir.email_verification.requested.v1']);
    await untilAttempted(name, 1);
    const [received = expect.fail()] = receiver.received;
    verifyDelivery(secret, received);
    const { token, email: recipient } = received.event.data;
    expect(recipient).toBe(email);
    expect(token).toMatch(/^wo_/);
    expect(await readStored()).not.toContain(token);
    expect(JSON.stringify(await listDeliveries(name))).not.toContain(token);
    await hurry();
    await expect.poll(async () => (await listDeliveries(name))[0]?.state).toBe(State.DELIVERED);
    expect(receiver.received[1]?.body).toBe(received.body);
    expect(await run('select 1 from webhook_delivery where sealed_secret is not null')).toEqual([]);
    await holder.auth.verifyEmail({ token: String(token) });

    await holder.auth.requestPasswordReset({ email });
    await expect.poll(() => receiver.types.at(-1)).toBe('weir.password_reset.requested.v1');
    const reset = String(receiver.received.at(-1)?.event.data.token);
    await holder.auth.resetPassword({ resetToken: reset, newPassword: 'another horse battery' });
    bearer(await holder.auth.login({ email, password: 'another horse battery' }));
    const lines = JSON.stringify([holder.node.lines, otherNode.lines]);
    for (const text of [token, reset, secret]) expect(lines).not.toContain(text);
  });

  it('that has expired is erased, and its delivery given up', async () => {
    receiver.answer = (response) => response.writeHead(500).end();
    const { name } = await addWebhook(['email_verification.requested']);
    await holder.auth.register({ email: newEmail(), password: PASSWORD });
    await untilAttempted(name, 1);
    await run('update webhook_delivery set secret_expire_time = now()');
    await expect
      .poll(async () => (await listDeliveries(name))[0], { timeout: 30_000 })
      .toMatchObject({
        ...{ state: State.FAILED, error: 'the one-time token has expired' },
      });
    expect(await run('select 1 from webhook_delivery where sealed_secret is not null')).toEqual([]);
  });

  it('is not created where no webhook would send it', async () => {
    await addWebhook(['*', 'email_verification.*']);
    const email = newEmail();
    await holder.auth.register({ email, password: PASSWORD });
    expect(
      await run('select 1 from one_time_token join account on account.id = account_id where account.email = ?', email),
    ).toEqual([]);
  });
});

it('a delivery is signed with both secrets during the overlap of a rotation', async () => {
  const { name, secret } = await addWebhook(['key.*']);
  const rotated = await webhooks.rotateWebhookSecret({ name, overlap: '1h' }, holder.admin);
  await sendTest(name);
  await expect.poll(() => receiver.received.length).toBe(1);
  const [received = expect.fail()] = receiver.received;
  for (const each of [secret, rotated.secret]) verifyDelivery(each, received);
  await run('update webhook set former_secret_expire_time = now()');
  await sendTest(name);
  await expect.poll(() => receiver.received.length).toBe(2);
  const [, after = expect.fail()] = receiver.received;
  verifyDelivery(rotated.secret, after);
  expect(() => verifyDelivery(secret, after)).toThrow('No matching signature');
});

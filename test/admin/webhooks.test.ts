import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createQuery } from '../../src/database/open-database.ts';
import { Webhook, WebhookServiceService } from '../../src/generated/weir/admin/v1/webhook_service.ts';
import { newDatabase } from '../support/databases.ts';
import { startHolderNode } from './account-holder.ts';
import { createClient, expectFailure } from './admin-node.ts';

const WEBHOOK = { displayName: 'CRM', url: 'https://example.com/events', eventTypes: ['key.*', 'account.deleted'] };

let holder: Awaited<ReturnType<typeof startHolderNode>>;
let webhooks: ReturnType<typeof createClient<typeof WebhookServiceService>>;

beforeAll(async () => {
  holder = await startHolderNode(await newDatabase());
  webhooks = createClient(WebhookServiceService, holder.node.address);
});
afterAll(async () => {
  webhooks.close();
  await holder.stop();
});

const create = (webhook: Partial<Webhook> = WEBHOOK) =>
  webhooks.createWebhook({ webhook: Webhook.fromPartial(webhook) }, holder.admin);
const update = (webhook: Partial<Webhook>) =>
  webhooks.updateWebhook({ webhook: Webhook.fromPartial(webhook) }, holder.admin);

describe('WebhookService', () => {
  it('creates, reads, updates and deletes a webhook, and shows its secret once', async () => {
    const { webhook, secret } = await create();
    expect(webhook).toMatchObject({ ...WEBHOOK, disabled: false, lastDeliveryTime: undefined });
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    const name = webhook?.name ?? '';
    expect(await webhooks.getWebhook({ name }, holder.admin)).toEqual(webhook);
    expect((await webhooks.listWebhooks({}, holder.admin)).webhooks).toEqual([webhook]);
    const updated = await update({ name, eventTypes: ['*'] });
    expect(updated).toMatchObject({ ...WEBHOOK, eventTypes: ['*'] });
    const stale = update({ ...webhook, url: 'https://example.org/' });
    expect(await expectFailure(stale)).toMatchObject({ code: status.ABORTED, reason: 'ETAG_MISMATCH' });
    const stored = JSON.stringify(await createQuery(holder.node.database)('select * from webhook, audit_event', []));
    expect(stored).not.toContain(secret);
    await webhooks.deleteWebhook({ name }, holder.admin);
    const failure = await expectFailure(webhooks.getWebhook({ name }, holder.admin));
    expect(failure).toMatchObject({ code: status.NOT_FOUND, reason: 'RESOURCE_NOT_FOUND' });
  });

  it.each([
    ['an http URL', { url: 'http://example.com/' }, 'webhook.url'],
    ['no URL', { url: '' }, 'webhook.url'],
    ['a password in the URL', { url: 'https://ada:password@example.com/' }, 'webhook.url'],
    ['a fragment', { url: 'https://example.com/#part' }, 'webhook.url'],
    ['a private address', { url: 'https://10.0.0.1/' }, 'webhook.url'],
    ['a loopback address', { url: 'https://127.0.0.1/' }, 'webhook.url'],
    ['the name of this machine', { url: 'https://localhost/' }, 'webhook.url'],
    ['a link-local address', { url: 'https://[fe80::1]/' }, 'webhook.url'],
    ['a loopback address in hex', { url: 'https://0x7f000001/' }, 'webhook.url'],
    ['a mapped address', { url: 'https://[::ffff:127.0.0.1]/' }, 'webhook.url'],
    ['a compatible address', { url: 'https://[::127.0.0.1]/' }, 'webhook.url'],
    ['the address of a cloud platform', { url: 'https://168.63.129.16/' }, 'webhook.url'],
    ['no event types', { eventTypes: [] }, 'webhook.event_types'],
    ['an unknown event type', { eventTypes: ['key.created', 'key.crated'] }, 'webhook.event_types[1]'],
    ['a repeated event type', { eventTypes: ['*', '*'] }, 'webhook.event_types[1]'],
  ])('rejects %s', async (_, fields, field) => {
    const failure = await expectFailure(create({ ...WEBHOOK, ...fields }));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: [field] });
    expect(failure.message).not.toContain('password@');
  });

  it('is for administrators only', async () => {
    const { headers } = await holder.register();
    const calls = [
      webhooks.createWebhook({ webhook: Webhook.fromPartial(WEBHOOK) }, headers),
      webhooks.listWebhooks({}, headers),
      webhooks.listWebhookDeliveries({ parent: 'webhooks/-' }, headers),
    ];
    const failures = await Promise.all(calls.map(expectFailure));
    expect(failures.map(({ code }) => code)).toEqual(calls.map(() => status.PERMISSION_DENIED));
  });

  it('has at most 50 webhooks, and sends no test event to a disabled one', async () => {
    const { webhook } = await create({ ...WEBHOOK, disabled: true });
    const name = webhook?.name ?? '';
    await createQuery(holder.node.database)(
      `insert into webhook (id, url, event_types, sealed_secret, disabled, create_time, update_time)
       select gen_random_uuid()::text, url, event_types, '', true, now(), now()
       from (select * from webhook limit 1) one, generate_series(1, 47 - (select count(*)::int from webhook))`,
      [],
    );
    const findReason = (call: Promise<unknown>) =>
      call.then(
        () => '',
        async () => (await expectFailure(call)).reason,
      );
    const reasons = await Promise.all(Array.from({ length: 20 }, () => findReason(create())));
    expect(reasons.filter((reason) => reason === '')).toHaveLength(3);
    expect(new Set(reasons)).toEqual(new Set(['', 'TOO_MANY_WEBHOOKS']));
    const failure = await expectFailure(webhooks.sendTestEvent({ name }, holder.admin));
    expect(failure).toMatchObject({ code: status.FAILED_PRECONDITION, reason: 'WEBHOOK_DISABLED' });
  });

  it('rejects an overlap that is no duration, or longer than 30 days', async () => {
    const [webhook = expect.fail()] = (await webhooks.listWebhooks({ pageSize: 1 }, holder.admin)).webhooks;
    for (const overlap of ['soon', '31d']) {
      const failure = await expectFailure(webhooks.rotateWebhookSecret({ name: webhook.name, overlap }, holder.admin));
      expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['overlap'] });
    }
  });
});

import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { BILLING_SYSTEMS } from '../../examples/billing/billing-systems.ts';
import { createForwarder } from '../../examples/billing/forward-usage.ts';
import { generateWebhookSecret } from '../../src/identity/secrets/webhook-secret.ts';
import { buildCloudEvent, type StoredEvent } from '../../src/webhooks/build-event.ts';
import { sendEvent } from '../../src/webhooks/send-event.ts';

const TIME = Date.parse('2026-11-30T10:00:00Z');
const secret = generateWebhookSecret();

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

async function listen(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // a server that listens on TCP has such an address
}

interface Reported {
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A billing system that answers each report with a status, and a forwarder to it. */
async function startBilling(system: keyof typeof BILLING_SYSTEMS, status = 200) {
  const reported: Reported[] = [];
  const url = await listen(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    reported.push({ url: request.url, headers: request.headers, body });
    response.writeHead(status).end('{}');
  });
  const forwarder = await listen(createForwarder(secret, system, { url, key: 'a-key', meter: 'weir_hits' }));
  const deliver = (event: Partial<StoredEvent>, signingSecret = secret) => {
    const stored: StoredEvent = {
      ...{
        eventId: 'row-1',
        type: 'usage.recorded',
        account: 'cus_ada',
        resource: 'accounts/cus_ada',
        createdAt: TIME,
      },
      ...{ data: { hits: 42 }, ...event },
    };
    const body = buildCloudEvent(stored, 'weir', undefined);
    return sendEvent(
      { url: forwarder, eventId: stored.eventId, body, secrets: [signingSecret] },
      new Set(['127.0.0.1']),
    );
  };
  return { reported, deliver };
}

describe('the billing example', () => {
  it('reports usage as meter events of Stripe', async () => {
    const { reported, deliver } = await startBilling('stripe');
    expect(await deliver({})).toEqual({ status: 204 });
    expect(reported).toHaveLength(1);
    expect(reported[0]).toMatchObject({ url: '/v1/billing/meter_events', headers: { authorization: 'Bearer a-key' } });
    expect(Object.fromEntries(new URLSearchParams(reported[0]?.body))).toEqual({
      event_name: 'weir_hits',
      'payload[stripe_customer_id]': 'cus_ada',
      'payload[value]': '42',
      identifier: 'row-1',
      timestamp: `${TIME / 1000}`,
    });
  });

  it('reports usage as CloudEvents to OpenMeter', async () => {
    const { reported, deliver } = await startBilling('openmeter');
    expect(await deliver({})).toEqual({ status: 204 });
    const [{ url, headers, body } = expect.fail()] = reported;
    expect({ url, type: headers['content-type'] }).toEqual({
      ...{ url: '/api/v1/events', type: 'application/cloudevents+json' },
    });
    expect(JSON.parse(body)).toEqual({
      ...{ specversion: '1.0', id: 'row-1', source: 'weir', type: 'weir.usage.v1', subject: 'cus_ada' },
      ...{ time: new Date(TIME).toISOString(), data: { hits: 42 } },
    });
  });

  it('reports usage and corrections as events of Lago', async () => {
    const { reported, deliver } = await startBilling('lago');
    await deliver({});
    await deliver({ eventId: 'row-2', type: 'usage.corrected', data: { hits: -2 } });
    expect(reported.map(({ body }) => JSON.parse(body).event)).toEqual(
      [
        ['row-1', 42],
        ['row-2', -2],
      ].map(([id, hits]) => ({
        ...{ transaction_id: id, external_subscription_id: 'cus_ada', code: 'weir_hits' },
        ...{ timestamp: TIME / 1000, properties: { hits } },
      })),
    );
  });

  it('lets Weir repeat an event that the billing system did not take', async () => {
    const { deliver } = await startBilling('stripe', 500);
    expect(await deliver({})).toMatchObject({ status: 502 });
  });

  it('reports nothing for other events, refused requests, and events that are not signed', async () => {
    const { reported, deliver } = await startBilling('stripe');
    expect(await deliver({ type: 'key.created', data: {} })).toEqual({ status: 204 });
    expect(await deliver({ data: { hits: 0 } })).toEqual({ status: 204 });
    expect(await deliver({}, generateWebhookSecret())).toMatchObject({ status: 401 });
    expect(reported).toEqual([]);
  });
});

import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Certificates, createCertificates } from '../../provision/certificates.ts';
import { generateWebhookSecret } from '../../src/identity/secrets/webhook-secret.ts';
import { sendEvent } from '../../src/webhooks/send-event.ts';
import { verifyDelivery, WebhookReceiver } from '../support/servers/webhook-receiver.ts';

vi.mock('node:dns/promises', () => ({ lookup: vi.fn() }));

const NAME = 'hooks.example.com';
const secret = generateWebhookSecret();

let certificates: Certificates;
let receiver: WebhookReceiver;
beforeAll(async () => {
  certificates = await createCertificates({ names: `DNS:${NAME}` });
  receiver = await WebhookReceiver.start(certificates);
});
afterAll(async () => {
  await receiver.stop();
  await certificates.remove();
});

const resolveTo = (...addresses: string[]) =>
  // The overload with `all` is the one that is called.
  vi.mocked(lookup).mockResolvedValueOnce(addresses.map((address) => ({ address, family: 4 })) as never);

const send = (url: string, privateHosts: readonly string[] = []) =>
  sendEvent({ url, eventId: 'an-event', body: '{}', secrets: [secret] }, new Set(privateHosts));
const urlOf = (host: string) => receiver.url.replace('127.0.0.1', host);

describe('a webhook', () => {
  it.each([
    ...['127.0.0.1', '10.0.0.1', '172.16.0.1', '192.168.0.1', '169.254.169.254', '100.64.0.1', '0.0.0.0'],
    ...['::1', 'fe80::1', 'fd00::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '64:ff9b::7f00:1'],
  ])('whose name leads to %s is refused', async (address) => {
    resolveTo('8.8.8.8', address);
    const { status, error } = await send(urlOf(NAME));
    expect(status).toBeUndefined();
    expect(error).toContain('must have public addresses only, or its host must be in WEBHOOK_PRIVATE_HOSTS');
    expect(receiver.received).toEqual([]);
  });

  it('of plain http is refused unless its host is listed', async () => {
    expect(await send('http://hooks.example.com/')).toMatchObject({ error: expect.stringContaining('https') });
  });

  it('is asked at the address that was checked, whatever its name resolves to later', async () => {
    setDefaultCACertificates([...getCACertificates('default'), readFileSync(certificates.caFile, 'utf8')]);
    vi.mocked(lookup).mockReset();
    resolveTo('127.0.0.1');
    resolveTo('192.0.2.1');
    expect(await send(urlOf(NAME), [NAME])).toEqual({ status: 204 });
    expect(lookup).toHaveBeenCalledTimes(1);
    const [received = expect.fail()] = receiver.received;
    verifyDelivery(secret, received);
    expect(received.headers.host).toBe(new URL(urlOf(NAME)).host);
  });

  it('whose certificate is for another name gets nothing', async () => {
    vi.mocked(lookup).mockReset();
    resolveTo('127.0.0.1');
    const before = receiver.received.length;
    const { error } = await send(urlOf('other.example.com'), ['other.example.com']);
    expect(error).toContain("does not match certificate's altnames");
    expect(receiver.received).toHaveLength(before);
  });
});

import { lookup } from 'node:dns/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { fetchDocument } from '../../src/identity/verify-tokens/fetch-document.ts';
import { IdentityProvider } from '../support/servers/identity-provider.ts';

vi.mock('node:dns/promises', () => ({ lookup: vi.fn() }));

let provider: IdentityProvider;
beforeEach(async () => {
  provider = await IdentityProvider.start();
});
afterEach(() => provider.stop());

const urlOf = (host: string) => new URL(provider.jwksUri.replace('127.0.0.1', host));
const resolveOnce = (...addresses: string[]) =>
  // The overload with `all` is the one that is called.
  vi.mocked(lookup).mockResolvedValueOnce(addresses.map((address) => ({ address, family: 4 })) as never);

it('a name is resolved once, and the connection goes to that address with the name as its host', async () => {
  resolveOnce('127.0.0.1');
  resolveOnce('192.0.2.1');
  const url = urlOf('rebinding.example.com');
  const request = { url, allowsPrivate: true, signal: AbortSignal.timeout(5_000) };
  expect(JSON.parse(await fetchDocument(request))).toEqual({ keys: [] });
  expect(lookup).toHaveBeenCalledTimes(1);
  expect(provider.lastHost).toBe(url.host);
});

it('a name with one private address among public ones is refused', async () => {
  vi.mocked(lookup).mockReset();
  resolveOnce('8.8.8.8', '127.0.0.1');
  const request = { url: urlOf('mixed.example.com'), allowsPrivate: false, signal: AbortSignal.timeout(5_000) };
  await expect(fetchDocument(request)).rejects.toThrow('must have public addresses only');
  expect(provider.requests).toBe(0);
});

it('a look-up that never ends is ended in time', async () => {
  vi.mocked(lookup).mockReset();
  vi.mocked(lookup).mockReturnValueOnce(new Promise(() => {}));
  const request = { url: urlOf('silent.example.com'), allowsPrivate: false, signal: AbortSignal.timeout(100) };
  await expect(fetchDocument(request)).rejects.toThrow('timeout');
});

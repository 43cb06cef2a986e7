import { describe, expect, it } from 'vitest';
import { isAllowedIdentity, readClientIdentity } from './client-identity.ts';

const ENVOY = 'spiffe://example.org/ns/edge/sa/envoy';

describe('the identity of a client', () => {
  it.each([
    ['a URI and a DNS name', `URI:${ENVOY}, DNS:envoy.edge`, { uris: [ENVOY], names: ['CN', 'envoy.edge'] }],
    ['addresses, which are not used', 'IP Address:127.0.0.1, DNS:a', { uris: [], names: ['CN', 'a'] }],
    [
      'a quoted value',
      'URI:"spiffe://a/b, URI:spiffe://c/d", DNS:a',
      { uris: ['spiffe://a/b, URI:spiffe://c/d'], names: ['CN', 'a'] },
    ],
    ['a quoted value with quotes', 'DNS:"a\\", URI:spiffe://c/d"', { uris: [], names: ['CN', 'a", URI:spiffe://c/d'] }],
    ['nothing', '', { uris: [], names: ['CN'] }],
  ])('is read from %s', (_, subjectaltname, expected) => {
    expect(readClientIdentity({ subject: { CN: 'CN' }, subjectaltname })).toEqual(expected);
  });

  it('is empty where the certificate names nobody', () => {
    expect(readClientIdentity({})).toEqual({ uris: [], names: [] });
  });
});

describe('a list of identities', () => {
  it.each([
    [ENVOY, { uris: [ENVOY], names: [] }, true],
    ['spiffe://example.org/ns/edge/*', { uris: [ENVOY], names: [] }, true],
    ['spiffe://example.org/ns/ed/*', { uris: [ENVOY], names: [] }, false],
    ['spiffe://example.org/ns/edge', { uris: [ENVOY], names: [] }, false],
    ['spiffe://EXAMPLE.org/ns/edge/sa/envoy', { uris: [ENVOY], names: [] }, false],
    [ENVOY, { uris: [], names: [ENVOY] }, false],
    ['envoy.edge', { uris: [], names: ['Envoy.Edge'] }, true],
    ['envoy.edge', { uris: ['envoy.edge'], names: [] }, false],
    ['envoy.edge', { uris: [], names: ['envoy.edge.evil.example'] }, false],
  ])('with %s and the client %o: %s', (entry, identity, expected) => {
    expect(isAllowedIdentity(['other', entry], identity)).toBe(expected);
  });

  it('that is empty allows nobody', () => {
    expect(isAllowedIdentity([], { uris: [ENVOY], names: ['envoy'] })).toBe(false);
  });
});

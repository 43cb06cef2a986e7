import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseNetworks } from './allowed-networks.ts';
import { findClientAddress } from './client-address.ts';

function parse(...values: readonly string[]) {
  const networks = parseNetworks(values);
  if ('faults' in networks) throw new Error(JSON.stringify(networks.faults));
  return networks;
}

const PROXIES = parse('10.0.0.0/8', '2001:db8:ffff::/48');

it.each([
  // The peer is no trusted proxy, so the header is ignored.
  ['192.0.2.1', ['203.0.113.1'], '192.0.2.1'],
  ['::ffff:192.0.2.1', ['203.0.113.1'], '192.0.2.1'],
  ['unknown', ['203.0.113.1'], 'unknown'],
  // The rightmost address that is no trusted proxy.
  ['10.0.0.1', ['203.0.113.1'], '203.0.113.1'],
  ['::ffff:10.0.0.1', ['203.0.113.1'], '203.0.113.1'],
  ['10.0.0.1', ['198.51.100.1, 203.0.113.1'], '203.0.113.1'],
  ['10.0.0.1', ['198.51.100.1, 203.0.113.1, 10.9.9.9 ,2001:db8:ffff::1'], '203.0.113.1'],
  ['2001:db8:ffff::1', ['2001:DB8:0:0::1'], '2001:db8::1'],
  ['10.0.0.1', ['::ffff:203.0.113.1'], '203.0.113.1'],
  // Several headers are one list.
  ['10.0.0.1', ['198.51.100.1', '203.0.113.1'], '203.0.113.1'],
  ['10.0.0.1', ['203.0.113.1', '10.0.0.2'], '203.0.113.1'],
  // Nothing but proxies: the leftmost of them.
  ['10.0.0.1', [], '10.0.0.1'],
  ['10.0.0.1', ['10.0.0.3, 10.0.0.2'], '10.0.0.3'],
  // Garbage ends the search at the last proxy that is known.
  ['10.0.0.1', [''], '10.0.0.1'],
  ['10.0.0.1', ['203.0.113.1,'], '10.0.0.1'],
  ['10.0.0.1', ['203.0.113.1, unknown, 10.0.0.2'], '10.0.0.2'],
  ['10.0.0.1', ['203.0.113.1:443'], '10.0.0.1'],
  ['10.0.0.1', ['[2001:db8::1]'], '10.0.0.1'],
  ['10.0.0.1', ['2001:db8::1%eth0'], '10.0.0.1'],
  ['10.0.0.1', ['203.0.113'], '10.0.0.1'],
  ['10.0.0.1', ['0xcb007101'], '10.0.0.1'],
  ['10.0.0.1', ["203.0.113.1' or 1=1"], '10.0.0.1'],
])('the client of %s with x-forwarded-for %j has the address %s', (peer, forwardedFor, expected) => {
  expect(findClientAddress(peer, forwardedFor, PROXIES)).toBe(expected);
});

it('without trusted proxies, the header counts for nobody', () => {
  expect(findClientAddress('10.0.0.1', ['203.0.113.1'], [])).toBe('10.0.0.1');
});

it('whatever a client writes in front of what the proxies append does not change its address', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6())), fc.ipV4(), (made, client) => {
      fc.pre(!client.startsWith('10.'));
      expect(findClientAddress('10.0.0.1', [...made, `${client}, 10.0.0.2`], PROXIES)).toBe(client);
    }),
  );
});

import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { clientNetwork } from './client-network.ts';

describe('the network of a client', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::/64'],
    ['2001:db8::', '2001:db8::/64'],
    ['2001:db8::1:2:3:4', '2001:db8::/64'],
    ['2001:db8:0:0:1::', '2001:db8::/64'],
    ['2001:db8:0:1::', '2001:db8:0:1::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::6', '2001:db8:1:2::/64'],
    ['2001:0:0:1::', '2001:0:0:1::/64'],
    ['1::3:4:5:6:7:8', '1:0:3:4::/64'],
    ['1::4:5:6:7:8', '1:0:0:4::/64'],
    ['::1', '::/64'],
    ['::', '::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['64:ff9b::c000:201', '64:ff9b::c000:201'],
    ['64:ff9b:1::1', '64:ff9b:1::/64'],
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['unknown', 'unknown'],
    ['', ''],
  ])('with the address %s is %s', (address, network) => expect(clientNetwork(address)).toBe(network));

  it('is the same for two IPv6 addresses exactly if their first 64 bits are', () => {
    const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
    const half = fc.array(group, { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(half, half, half, (network, host, other) => {
        const addresses = [host, other].map((half) => new ipaddr.IPv6([...network, ...half]).toString());
        // These contain IPv4 addresses, which the cases above cover.
        fc.pre(!addresses.some((address) => /^(::ffff:|64:ff9b::)/.test(address)));
        const expected = new ipaddr.IPv6([...network, 0, 0, 0, 0]).toRFC5952String();
        for (const address of addresses) expect(clientNetwork(address)).toBe(`${expected}/64`);
      }),
    );
  });

  it('is computed for any text without an error', () => {
    const text = fc.string({ unit: fc.constantFrom(':', '::', '0', 'f', '.', '%', 'é') });
    fc.assert(fc.property(text, (address) => void clientNetwork(address)));
  });
});

import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import {
  addNetwork,
  createNetworkIndex,
  describeNetworkFault,
  findSmallestNetwork,
  formatNetwork,
  maxNestedWeight,
  parseNetwork,
} from './network-index.ts';

// Few different bits, so that networks often contain each other and the addresses.
const byte = fc.constantFrom<number>(0, 1, 10, 128, 255);
const ipv4 = fc.array(byte, { minLength: 4, maxLength: 4 }).map((bytes) => ({ bytes, mapped: false }));
const mapped = ipv4.map(({ bytes }) => ({ bytes, mapped: true }));
const ipv6 = fc.array(byte, { minLength: 16, maxLength: 16 }).map((bytes) => ({ bytes, mapped: false }));
const address = fc.oneof(ipv4, mapped, ipv6);
type TestAddress = typeof address extends fc.Arbitrary<infer Value> ? Value : never;
const network = address.chain((of) => {
  return fc.record({ of: fc.constant(of), length: fc.integer({ min: 0, max: of.bytes.length * 8 }) });
});

function formatAddress({ bytes, mapped }: TestAddress): string {
  const text = ipaddr.fromByteArray(bytes).toString();
  return mapped ? `::ffff:${text}` : text;
}

function formatCidr({ of, length }: { of: TestAddress; length: number }): string {
  const first = of.bytes.map((byte, index) => byte & (0xff00 >> Math.max(0, Math.min(8, length - index * 8))) & 0xff);
  return `${formatAddress({ ...of, bytes: first })}/${of.mapped ? length + 96 : length}`;
}

function contains(cidr: string, address: string): boolean {
  const [first, length] = ipaddr.parseCIDR(cidr);
  const isMapped = first instanceof ipaddr.IPv6 && first.isIPv4MappedAddress();
  const [of, bits] = isMapped ? [first.toIPv4Address(), length - 96] : [first, length];
  const parsed = ipaddr.process(address);
  return of.kind() === parsed.kind() && parsed.match(of, bits);
}

describe('the smallest network', () => {
  it('that contains an address is found as a comparison with every network finds it', () => {
    const property = fc.property(fc.array(network, { maxLength: 12 }), address, (networks, searched) => {
      const cidrs = networks.map(formatCidr);
      const text = formatAddress(searched);
      const index = createNetworkIndex<string>();
      for (const cidr of cidrs) addNetwork(index, cidr, cidr);
      const containing = cidrs.filter((cidr) => contains(cidr, text));
      const found = findSmallestNetwork(index, text);
      const lengths = containing.map((cidr) => parseNetwork(cidr)?.length ?? 0);
      if (containing.length === 0) expect(found).toBeUndefined();
      else {
        expect(containing).toContain(found);
        expect(parseNetwork(found ?? '')?.length).toBe(Math.max(...lengths));
        const nested = new Set(
          containing.map((cidr) => formatNetwork(parseNetwork(cidr) ?? { address: 0, length: 0 })),
        );
        expect(maxNestedWeight(index, () => 1)).toBeGreaterThanOrEqual(nested.size);
      }
    });
    fc.assert(property, { numRuns: 3000 });
  });

  it('that contains a network is found by the whole network', () => {
    const index = createNetworkIndex<string>();
    addNetwork(index, '10.0.0.0/8', 'ten');
    addNetwork(index, '2001:db8::/32', 'docs');
    expect(findSmallestNetwork(index, '10.1.0.0/16')).toBe('ten');
    expect(findSmallestNetwork(index, '10.0.0.0/7')).toBeUndefined();
    expect(findSmallestNetwork(index, '2001:db8:1:2::/64')).toBe('docs');
  });

  it('of a text that is no address does not exist, whatever the text', () => {
    const index = createNetworkIndex<string>();
    for (const all of ['0.0.0.0/0', '::/0']) addNetwork(index, all, all);
    const text = fc.string({ unit: fc.constantFrom('1', '0', '.', ':', '/', 'f', 'g', ' ') });
    fc.assert(
      fc.property(text, (value) => {
        const isAddress = ipaddr.isValid(value.split('/')[0] ?? '');
        if (findSmallestNetwork(index, value) !== undefined) expect(isAddress).toBe(true);
      }),
    );
    for (const value of ['', '10.1', '010.0.0.1', '10.0.0.256', '1.2.3.4.5', '1.2.3.', '/8', 'unknown', '10.0.0.1/']) {
      expect(findSmallestNetwork(index, value)).toBeUndefined();
    }
  });
});

describe('a network in a rules file', () => {
  it.each([
    ['10.1.2.3/8', 'must have no bits beyond its prefix: the network is 10.0.0.0/8'],
    ['2001:db8::1/32', 'must have no bits beyond its prefix: the network is 2001:db8::/32'],
    ['::ffff:10.1.2.3/104', 'must have no bits beyond its prefix: the network is 10.0.0.0/8'],
    ['10.0.0.0/33', 'must be an address or a network in CIDR notation, such as 192.0.2.0/24 or 2001:db8::/32'],
    ['10.0.0/8', 'must be an address or a network in CIDR notation, such as 192.0.2.0/24 or 2001:db8::/32'],
    ['10.0.0.0/08', 'must be an address or a network in CIDR notation, such as 192.0.2.0/24 or 2001:db8::/32'],
    ['10.0.0.0/8', undefined],
    ['0.0.0.0/0', undefined],
    ['::/0', undefined],
    ['10.0.0.1', undefined],
    ['10.*', undefined],
    ['intern/1', undefined],
  ])('%s has the fault %s', (value, fault) => expect(describeNetworkFault(value)).toBe(fault));
});

import { describe, expect, it } from 'vitest';
import { isInNetworks, parseNetworks } from './allowed-networks.ts';

function parse(...values: readonly string[]) {
  const networks = parseNetworks(values);
  if ('faults' in networks) throw new Error(JSON.stringify(networks.faults));
  return networks;
}

describe('allowed networks in CIDR notation', () => {
  it.each([
    ['10.0.0.0/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['192.0.2.128/25', '192.0.2.127', false],
    ['192.0.2.128/25', '192.0.2.128', true],
    ['192.0.2.7/32', '192.0.2.7', true],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['2001:db8::/33', '2001:db8:7fff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['2001:DB8::/32', '2001:0db8:0:0::1', true],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
    ['10.0.0.0/8', '::ffff:0a01:0203', true],
    ['10.0.0.0/8', '2001:db8::1', false],
    ['::/0', '10.1.2.3', false],
    ['::/0', '::ffff:10.1.2.3', false],
    ['::/0', '2001:db8::1', true],
    ['0.0.0.0/0', 'unknown', false],
    ['0.0.0.0/0', '', false],
  ])('%s contains %s: %s', (network, address, expected) => {
    expect(isInNetworks(parse('198.51.100.0/24', network), address)).toBe(expected);
  });

  it.each([
    '',
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/255.0.0.0',
    '010.0.0.0/8',
    '0x0a.0.0.0/8',
    '10.1/16',
    ' 10.0.0.0/8',
    '10.0.0.0/8,',
    '2001:db8::',
    '2001:db8::/129',
    '1::2::/64',
    'fe80::%eth0/64',
    'localhost/32',
    `::${'0'.repeat(99)}/0`,
  ])('%j is rejected', (text) => {
    expect(parseNetworks(['10.0.0.0/8', text])).toMatchObject({
      faults: [{ field: 'allowed_networks[1]', description: expect.stringContaining('CIDR') }],
    });
  });

  it.each([
    ['10.1.2.3/8', 'the network is 10.0.0.0/8'],
    ['2001:db8::1/32', 'the network is 2001:db8::/32'],
    ['::ffff:10.0.0.0/104', 'as an IPv4 network'],
  ])('%s is rejected with a hint', (text, description) => {
    expect(parseNetworks([text])).toMatchObject({ faults: [{ description: expect.stringContaining(description) }] });
  });

  it('are limited to 64', () => {
    const many = Array.from({ length: 65 }, () => '10.0.0.0/8');
    expect(parseNetworks(many)).toMatchObject({ faults: [{ field: 'allowed_networks' }] });
  });
});

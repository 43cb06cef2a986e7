import ipaddr from 'ipaddr.js';
import type { Fault } from '../limits/limit-spec.ts';

/** A range of IPv4 or IPv6 addresses in CIDR notation (RFC 4632, RFC 4291 section 2.3): address and bits of its prefix. */
export type Network = ReturnType<typeof ipaddr.parseCIDR>;

const MOST_NETWORKS = 64;
const LONGEST = 64;

/** The networks as they are written, or every fault with its place (`allowed_networks[1]`). Never throws. */
export function parseNetworks(written: readonly unknown[]): readonly Network[] | { readonly faults: readonly Fault[] } {
  const faults: Fault[] = [];
  if (written.length > MOST_NETWORKS) {
    faults.push({ field: 'allowed_networks', description: `must be at most ${MOST_NETWORKS}` });
  }
  const networks: Network[] = [];
  for (const [index, text] of written.entries()) {
    const network = parseNetwork(text);
    if (typeof network === 'string') faults.push({ field: `allowed_networks[${index}]`, description: network });
    else networks.push(network);
  }
  return faults.length === 0 ? networks : { faults };
}

/**
 * Whether an address is in one of the networks. An IPv4 address within IPv6 (`::ffff:192.0.2.1`) is that IPv4 address;
 * what is no address is in none.
 */
export function isInNetworks(networks: readonly Network[], address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return networks.some((network) => network[0].kind() === parsed.kind() && parsed.match(network));
}

/**
 * What is wrong in place of a network. Only the one usual form is taken: the library also reads `010.0.0.0` as octal
 * and `10.1` as 10.0.0.1, which is hardly what was meant.
 */
function parseNetwork(text: unknown): Network | string {
  if (typeof text !== 'string' || text.length > LONGEST || !isPlainCidr(text)) {
    return 'must be a network in CIDR notation, such as 192.0.2.0/24 or 2001:db8::/32; a single address is /32 or /128';
  }
  const network = ipaddr.parseCIDR(text);
  const [address, prefix] = network;
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()) {
    return 'must be written as an IPv4 network: requests from its addresses count as IPv4';
  }
  const first = (address instanceof ipaddr.IPv6 ? ipaddr.IPv6 : ipaddr.IPv4).networkAddressFromCIDR(text);
  if (address.toString() !== first.toString()) {
    return `must have no bits beyond its prefix: the network is ${first}/${prefix}`;
  }
  return network;
}

function isPlainCidr(text: string): boolean {
  if (!/^[0-9a-fA-F:.]+\/(0|[1-9][0-9]{0,2})$/.test(text)) return false;
  return text.includes(':') ? ipaddr.IPv6.isValidCIDR(text) : ipaddr.IPv4.isValidCIDRFourPartDecimal(text);
}

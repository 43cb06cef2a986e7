import ipaddr from 'ipaddr.js';
import type { FieldFault, Invalid } from '../validation/field-fault.ts';
import { withFound } from '../validation/found-value.ts';

/**
 * A range of IPv4 or IPv6 addresses (CIDR; RFC 4632, RFC 4291 section 2.3): an address and the length of its prefix in
 * bits.
 */
export type Network = ReturnType<typeof ipaddr.parseCIDR>;

const MAX_NETWORKS = 64;
const MAX_CIDR_LENGTH = 64;

/** Validates networks. Returns the networks, or every fault with its path (`allowed_networks[1]`). Never throws. */
export function parseNetworks(values: readonly unknown[]): readonly Network[] | Invalid {
  const faults: FieldFault[] = [];
  if (values.length > MAX_NETWORKS) {
    const description = withFound(`must have at most ${MAX_NETWORKS} items`, values.length);
    faults.push({ field: 'allowed_networks', description });
  }
  const networks: Network[] = [];
  for (const [index, value] of values.entries()) {
    const network = parseNetwork(value);
    if (typeof network === 'string') faults.push({ field: `allowed_networks[${index}]`, description: network });
    else networks.push(network);
  }
  return faults.length === 0 ? networks : { faults };
}

/** Whether a key with these networks may be used from an address; undefined: the address is unknown. */
export function isAllowedFrom(networks: readonly Network[], address: string | undefined): boolean {
  return networks.length === 0 || (address !== undefined && isInNetworks(networks, address));
}

/**
 * Whether an address is in one of the networks. An IPv4 address inside IPv6 (`::ffff:192.0.2.1`) counts as that IPv4
 * address. A text that is not an address is in no network.
 */
export function isInNetworks(networks: readonly Network[], address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return networks.some((network) => network[0].kind() === parsed.kind() && parsed.match(network));
}

/** Formats networks in CIDR notation, so that they can cross a channel between processes. */
export function formatNetworks(networks: readonly Network[]): readonly string[] {
  return networks.map(([address, prefixLength]) => `${address}/${prefixLength}`);
}

/** Reads what `formatNetworks` has written. */
export function readFormattedNetworks(texts: readonly string[]): readonly Network[] {
  return texts.map((text) => ipaddr.parseCIDR(text));
}

/**
 * Parses a network; a string result describes the fault. Accepts only the usual notation: the library also reads
 * `010.0.0.0` as octal and `10.1` as 10.0.0.1, which is rarely what was meant.
 */
function parseNetwork(value: unknown): Network | string {
  if (typeof value !== 'string' || value.length > MAX_CIDR_LENGTH || !isPlainCidr(value)) {
    const expected = 'must be a network in CIDR notation, such as 192.0.2.0/24 or 2001:db8::/32';
    return withFound(`${expected}; a single address ends in /32 or /128`, value);
  }
  const network = ipaddr.parseCIDR(value);
  const [address, prefixLength] = network;
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()) {
    return withFound('must be written as an IPv4 network: requests from its addresses count as IPv4', value);
  }
  const first = (address instanceof ipaddr.IPv6 ? ipaddr.IPv6 : ipaddr.IPv4).networkAddressFromCIDR(value);
  if (address.toString() !== first.toString()) {
    return withFound(`must have no bits beyond its prefix: the network is ${first}/${prefixLength}`, value);
  }
  return network;
}

function isPlainCidr(text: string): boolean {
  if (!/^[0-9a-fA-F:.]+\/(0|[1-9][0-9]{0,2})$/.test(text)) return false;
  return text.includes(':') ? ipaddr.IPv6.isValidCIDR(text) : ipaddr.IPv4.isValidCIDRFourPartDecimal(text);
}

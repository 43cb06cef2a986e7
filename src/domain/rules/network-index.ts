import ipaddr from 'ipaddr.js';

/** Keys whose values are IP addresses: those of Envoy's actions `remote_address` and `masked_remote_address`. */
const ADDRESS_KEYS: ReadonlySet<string> = new Set(['remote_address', 'masked_remote_address']);

const IPV4_BITS = 32;
const IPV6_BITS = 128;
/** Longest text that can be a network: an IPv6 address with an IPv4 address at its end, a slash and three digits. */
const MAX_NETWORK_LENGTH = 49;
const CIDR = /^([0-9a-fA-F:.]+)\/([0-9]+)$/;

/** An IPv4 address as an unsigned number of 32 bits, or an IPv6 address as a bigint of 128 bits. */
type Address = number | bigint;

/** A range of addresses in CIDR notation. A single address is a network of 32 or 128 bits. */
export interface AddressNetwork {
  readonly address: Address;
  /** Length of the prefix in bits. */
  readonly length: number;
}

/** Targets by network. Plain data, as in `WildcardIndex`. */
export interface NetworkIndex<Target> {
  readonly ipv4: PrefixGroup<number, Target>[];
  readonly ipv6: PrefixGroup<bigint, Target>[];
}

/** Networks of one length. Groups are in descending order of their lengths. */
interface PrefixGroup<Prefix, Target> {
  readonly length: number;
  readonly targets: Map<Prefix, Target>;
}

export function isAddressKey(key: string): boolean {
  return ADDRESS_KEYS.has(key);
}

export function createNetworkIndex<Target>(): NetworkIndex<Target> {
  return { ipv4: [], ipv6: [] };
}

/**
 * Parses an address or a network. Returns undefined for any other text. IPv4 inside IPv6 (`::ffff:192.0.2.1`,
 * `::ffff:192.0.2.0/120`) is IPv4. Bits beyond the prefix are dropped.
 */
export function parseNetwork(text: string): AddressNetwork | undefined {
  if (text.length > MAX_NETWORK_LENGTH) return undefined;
  const slash = text.indexOf('/');
  const written = slash < 0 ? text : text.slice(0, slash);
  const address = parseAddress(written);
  if (address === undefined) return undefined;
  const bits = typeof address === 'number' ? IPV4_BITS : IPV6_BITS;
  if (slash < 0) return { address, length: bits };
  const digits = text.slice(slash + 1);
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(digits)) return undefined;
  // The prefix of an IPv4 address inside IPv6 includes the 96 bits before it.
  const isMapped = bits === IPV4_BITS && written.includes(':');
  const length = isMapped ? Number(digits) - (IPV6_BITS - IPV4_BITS) : Number(digits);
  if (length < 0 || length > bits) return undefined;
  return { address: dropHostBits(address, length), length };
}

/**
 * Describes what is wrong with a value that is written like a network without being one. undefined: it is a network, or
 * something else altogether.
 */
export function describeNetworkFault(value: string): string | undefined {
  const [, written = '', digits = ''] = CIDR.exec(value) ?? [];
  if (digits === '') return undefined;
  const network = parseNetwork(value);
  const address = parseAddress(written);
  if (network === undefined || address === undefined) {
    return 'must be an address or a network in CIDR notation, such as 192.0.2.0/24 or 2001:db8::/32';
  }
  if (network.address === address) return undefined;
  return `must have no bits beyond its prefix: the network is ${formatNetwork(network)}`;
}

/** Formats a network as in RFC 5952, and a single address without its prefix length. */
export function formatNetwork({ address, length }: AddressNetwork): string {
  const bytes = toBytes(address);
  const text = ipaddr.fromByteArray(bytes).toString();
  return length === bytes.length * 8 ? text : `${text}/${length}`;
}

/**
 * Adds a network. If it is there already, it keeps its target, unless `value` is the usual spelling of an address:
 * requests send that one.
 */
export function addNetwork<Target>(index: NetworkIndex<Target>, value: string, target: Target): void {
  const network = parseNetwork(value);
  if (network === undefined) return;
  const { address, length } = network;
  const isUsualSpelling = value === formatNetwork(network);
  if (typeof address === 'number') addPrefix(index.ipv4, length, ipv4Prefix(address, length), target, isUsualSpelling);
  else addPrefix(index.ipv6, length, ipv6Prefix(address, length), target, isUsualSpelling);
}

function addPrefix<Prefix, Target>(
  groups: PrefixGroup<Prefix, Target>[],
  length: number,
  prefix: Prefix,
  target: Target,
  replaces: boolean,
): void {
  let group = groups.find((other) => other.length === length);
  if (group === undefined) {
    group = { length, targets: new Map() };
    groups.push(group);
    groups.sort((one, other) => other.length - one.length);
  }
  if (replaces || !group.targets.has(prefix)) group.targets.set(prefix, target);
}

/** Finds the target of the network that `value` spells. undefined: it is not in the index. */
export function findSameNetwork<Target>({ ipv4, ipv6 }: NetworkIndex<Target>, value: string): Target | undefined {
  const network = parseNetwork(value);
  if (network === undefined) return undefined;
  const { address, length } = network;
  if (typeof address === 'number') {
    return ipv4.find((group) => group.length === length)?.targets.get(ipv4Prefix(address, length));
  }
  return ipv6.find((group) => group.length === length)?.targets.get(ipv6Prefix(address, length));
}

/** Finds the smallest network that contains the address or network `value`. undefined: none does. */
export function findSmallestNetwork<Target>(index: NetworkIndex<Target>, value: string): Target | undefined {
  for (const target of containingNetworks(index, value)) return target;
  return undefined;
}

/** Finds all networks that contain the address or network `value`, the smallest first. */
export function* containingNetworks<Target>(index: NetworkIndex<Target>, value: string): Generator<Target, void> {
  const network = parseNetwork(value);
  if (network === undefined) return;
  const { address } = network;
  if (typeof address === 'number') {
    for (const { length, targets } of index.ipv4) {
      const target = length > network.length ? undefined : targets.get(ipv4Prefix(address, length));
      if (target !== undefined) yield target;
    }
  } else {
    for (const { length, targets } of index.ipv6) {
      const target = length > network.length ? undefined : targets.get(ipv6Prefix(address, length));
      if (target !== undefined) yield target;
    }
  }
}

/** Returns the largest sum of the weights of networks that all contain one address. */
export function maxNestedWeight<Target>(
  { ipv4, ipv6 }: NetworkIndex<Target>,
  weigh: (target: Target) => number,
): number {
  const ofIpv4 = maxWeightInGroups(ipv4, (prefix, dropped) => ipv4Prefix(prefix, IPV4_BITS - dropped), weigh);
  const ofIpv6 = maxWeightInGroups(ipv6, (prefix, dropped) => prefix >> BigInt(dropped), weigh);
  return Math.max(ofIpv4, ofIpv6);
}

function maxWeightInGroups<Prefix, Target>(
  groups: readonly PrefixGroup<Prefix, Target>[],
  shorten: (prefix: Prefix, droppedBits: number) => Prefix,
  weigh: (target: Target) => number,
): number {
  let max = 0;
  /** Sums of the networks seen so far, each with all that contain it; the longest come first. */
  const sums: { readonly length: number; readonly byPrefix: Map<Prefix, number> }[] = [];
  for (const { length, targets } of groups.toReversed()) {
    const byPrefix = new Map<Prefix, number>();
    for (const [prefix, target] of targets) {
      let sum = weigh(target);
      for (const shorter of sums) {
        const containing = shorter.byPrefix.get(shorten(prefix, length - shorter.length));
        if (containing === undefined) continue;
        sum += containing;
        break;
      }
      byPrefix.set(prefix, sum);
      max = Math.max(max, sum);
    }
    sums.unshift({ length, byPrefix });
  }
  return max;
}

function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) return parseIpv4(text);
  if (!ipaddr.IPv6.isValid(text)) return undefined;
  const address = ipaddr.IPv6.parse(text);
  if (address.isIPv4MappedAddress()) return parseIpv4(address.toIPv4Address().toString());
  let value = 0n;
  for (const part of address.parts) value = (value << 16n) | BigInt(part);
  return value;
}

/** Parses four decimal numbers without leading zeros. */
function parseIpv4(text: string): number | undefined {
  let address = 0;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x2e) {
      if (digits === 0 || ++dots > 3) return undefined;
      address = address * 256 + part;
      part = 0;
      digits = 0;
      continue;
    }
    if (code < 0x30 || code > 0x39 || (digits > 0 && part === 0)) return undefined;
    part = part * 10 + (code - 0x30);
    digits++;
    if (part > 255) return undefined;
  }
  return dots === 3 && digits > 0 ? address * 256 + part : undefined;
}

function ipv4Prefix(address: number, length: number): number {
  // JavaScript shifts by the number of bits modulo 32.
  return length === 0 ? 0 : address >>> (IPV4_BITS - length);
}

function ipv6Prefix(address: bigint, length: number): bigint {
  return address >> BigInt(IPV6_BITS - length);
}

function dropHostBits(address: Address, length: number): Address {
  if (typeof address === 'bigint') return ipv6Prefix(address, length) << BigInt(IPV6_BITS - length);
  return ipv4Prefix(address, length) * 2 ** (IPV4_BITS - length);
}

function toBytes(address: Address): number[] {
  const bytes: number[] = [];
  let rest = BigInt(address);
  for (let count = typeof address === 'number' ? 4 : 16; count > 0; count--) {
    bytes.unshift(Number(rest & 255n));
    rest >>= 8n;
  }
  return bytes;
}

const GROUPS_PER_ADDRESS = 8;
const GROUPS_PER_NETWORK = 4;
/**
 * Prefix of IPv4 addresses translated to IPv6 (RFC 6052, section 2.1). The whole IPv4 Internet is in this one network.
 */
const TRANSLATED_PREFIX = '64:ff9b::';
const MAPPED_PREFIX = '::ffff:';
/** The same prefix before an IPv4 address that is written as two groups of IPv6. */
const MAPPED_AS_GROUPS = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i;

/**
 * Computes the addresses that belong to one client, from an address as Envoy writes it.
 *
 * For IPv4 that is the single address, also when it is inside IPv6 (`::ffff:192.0.2.1`, `::ffff:c000:201`). For IPv6 it is the 64-bit
 * network, such as `2001:db8::/64`: providers assign such networks to single customers (RFC 6177), who then have 2^64
 * addresses. The result is written as in RFC 5952, like that of Envoy's action `masked_remote_address`.
 */
export function clientNetwork(address: string): string {
  if (!address.includes(':')) return address;
  if (address.startsWith(MAPPED_PREFIX) && address.includes('.')) return address.slice(MAPPED_PREFIX.length);
  if (address.startsWith('::')) {
    const [, high, low] = MAPPED_AS_GROUPS.exec(address) ?? [];
    if (high !== undefined && low !== undefined) return formatIpv4(Number.parseInt(high, 16), Number.parseInt(low, 16));
  }
  if (address.startsWith(TRANSLATED_PREFIX)) return address;
  const gap = address.indexOf('::');
  const beforeGap = gap < 0 ? address : address.slice(0, gap);
  const groups = beforeGap === '' ? [] : beforeGap.split(':', GROUPS_PER_NETWORK);
  if (gap >= 0 && groups.length < GROUPS_PER_NETWORK) {
    const afterGap = address.slice(gap + 2);
    const groupsAfterGap = afterGap === '' ? [] : afterGap.split(':');
    const zeros = GROUPS_PER_ADDRESS - groups.length - groupsAfterGap.length;
    for (let zero = 0; zero < zeros && groups.length < GROUPS_PER_NETWORK; zero++) groups.push('0');
    groups.push(...groupsAfterGap.slice(0, GROUPS_PER_NETWORK - groups.length));
  }
  // The last four groups are the longest run of zeros, so `::` stands for them and the zeros before them.
  while (groups.at(-1) === '0') groups.pop();
  return `${groups.join(':')}::/64`;
}

function formatIpv4(high: number, low: number): string {
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

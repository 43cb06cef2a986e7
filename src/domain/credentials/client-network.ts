const GROUPS_OF_NETWORK = 4;
const GROUPS = 8;
/** Of IPv4 addresses that were translated to IPv6 (RFC 6052 section 2.1): all of the Internet is in that one network. */
const TRANSLATED = '64:ff9b::';
const MAPPED = '::ffff:';

/**
 * What one client has, by its address as Envoy writes it: an IPv4 address whole, also within IPv6 (`::ffff:192.0.2.1`);
 * of an IPv6 address the network of 64 bits, such as `2001:db8::/64`, as which networks are given away (RFC 6177): whoever
 * has one has 2^64 addresses to come from. It is written as RFC 5952 says, as Envoy's action `masked_remote_address` does.
 */
export function clientNetwork(address: string): string {
  if (!address.includes(':')) return address;
  if (address.startsWith(MAPPED) && address.includes('.')) return address.slice(MAPPED.length);
  if (address.startsWith(TRANSLATED)) return address;
  const gap = address.indexOf('::');
  const before = gap < 0 ? address : address.slice(0, gap);
  const groups = before === '' ? [] : before.split(':', GROUPS_OF_NETWORK);
  if (gap >= 0 && groups.length < GROUPS_OF_NETWORK) {
    const behind = address.slice(gap + 2);
    const groupsBehind = behind === '' ? [] : behind.split(':');
    const zeros = GROUPS - groups.length - groupsBehind.length;
    for (let zero = 0; zero < zeros && groups.length < GROUPS_OF_NETWORK; zero++) groups.push('0');
    groups.push(...groupsBehind.slice(0, GROUPS_OF_NETWORK - groups.length));
  }
  // The last four groups are the longest run of zeros, so that it is there that they are left out.
  while (groups.at(-1) === '0') groups.pop();
  return `${groups.join(':')}::/64`;
}

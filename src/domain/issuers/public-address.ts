import ipaddr from 'ipaddr.js';

type IpAddress = ReturnType<typeof ipaddr.parse>;

/** Prefix of IPv4 addresses translated to IPv6 (RFC 6052, section 2.1), which networks without IPv4 use. */
const TRANSLATED = ipaddr.parseCIDR('64:ff9b::/96');
const EMBEDDED_IPV4_OFFSET = 12;
/** The only addresses of IPv6 that the public Internet uses (RFC 4291, section 2.4). */
const GLOBAL_UNICAST = ipaddr.parseCIDR('2000::/3');
/** The platform of Azure, which each machine there reaches at this address, as others at one of the link. */
const AZURE_PLATFORM = '168.63.129.16';

/**
 * Whether an IP address is one of the public Internet: not private, loopback, link-local, shared (CGNAT), multicast,
 * reserved or of a cloud's platform, and no IPv6 form of such an IPv4 address.
 */
export function isPublicAddress(text: string): boolean {
  return ipaddr.isValid(text) && isPublic(ipaddr.process(text));
}

function isPublic(address: IpAddress): boolean {
  if (address.kind() === 'ipv4') return address.range() === 'unicast' && address.toString() !== AZURE_PLATFORM;
  if (address.match(TRANSLATED))
    return isPublic(ipaddr.fromByteArray(address.toByteArray().slice(EMBEDDED_IPV4_OFFSET)));
  return address.range() === 'unicast' && address.match(GLOBAL_UNICAST);
}

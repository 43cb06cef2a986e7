import ipaddr from 'ipaddr.js';
import { isInNetworks, type Network } from './allowed-networks.ts';

/**
 * Finds the address of a client that may have come through proxies. `forwardedFor` are the values of all
 * `x-forwarded-for` headers in their order; each may have several entries.
 *
 * Each proxy appends the address that connected to it, so only the entries that trusted proxies have written count. From
 * the right, the first address that is not a trusted proxy is the client. Everything to the left of it may be made up.
 * If an entry is not an address, the client is the last proxy that is known.
 */
export function findClientAddress(
  peer: string,
  forwardedFor: readonly string[],
  trustedProxies: readonly Network[],
): string {
  let address = normalizeAddress(peer) ?? peer;
  if (!isInNetworks(trustedProxies, address)) return address;
  const entries = forwardedFor.flatMap((value) => value.split(','));
  for (const entry of entries.reverse()) {
    const previous = normalizeAddress(entry.trim());
    if (previous === undefined) return address;
    address = previous;
    if (!isInNetworks(trustedProxies, address)) return address;
  }
  return address;
}

/**
 * Writes an address in its only short form, and an IPv4 address inside IPv6 as IPv4, so that one client has one address.
 * undefined: the text is not an address. The library also reads `10.1` and `0x0a000001`, which no proxy writes.
 */
function normalizeAddress(text: string): string | undefined {
  const isAddress = text.includes(':') ? ipaddr.IPv6.isValid(text) : ipaddr.IPv4.isValidFourPartDecimal(text);
  return isAddress && !text.includes('%') ? ipaddr.process(text).toString() : undefined;
}

import type { Socket } from 'node:net';

/**
 * Names the connection of a socket by its two ends. A TLS socket has the same name as the TCP socket below it, although
 * it is another object. The name of a socket that is closed contains no addresses.
 */
export function formatPeer({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}

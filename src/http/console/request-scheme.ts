import type { IncomingMessage } from 'node:http';
import { isInNetworks, type Network } from '../../domain/credentials/allowed-networks.ts';
import { findClientAddress } from '../../domain/credentials/client-address.ts';
import { isLoopbackHost } from '../../domain/loopback-host.ts';
import { readOwnOrigin } from './own-origin.ts';

/**
 * How the browser reaches the console: over https, over plain http on its own machine, or over plain http that others may
 * read.
 */
export type Scheme = 'https' | 'loopback' | 'insecure';

export interface SchemeSettings {
  /** Whether the listener speaks TLS. */
  readonly isTls: boolean;
  /** Proxies whose `x-forwarded-proto` counts. */
  readonly trustedProxies: readonly Network[];
}

/**
 * Finds how the browser reaches the console. A browser that calls `localhost` has its own machine in front of it, also where
 * a port of a container or a tunnel begins there, so that the host decides. Headers that a proxy adds say that the browser
 * is somewhere else, unless a trusted proxy names a client on this machine.
 */
export function findScheme(
  { headers, headersDistinct, socket }: Pick<IncomingMessage, 'headers' | 'headersDistinct' | 'socket'>,
  { isTls, trustedProxies }: SchemeSettings,
): Scheme {
  const peer = socket.remoteAddress ?? '';
  const forwardedFor = headersDistinct['x-forwarded-for'] ?? [];
  const schemes = (headersDistinct['x-forwarded-proto'] ?? [])
    .flatMap((value) => value.split(','))
    .map((value) => value.trim().toLowerCase());
  const isTrusted = isInNetworks(trustedProxies, peer);
  const isHttps = isTrusted && schemes.length > 0 ? schemes.every((scheme) => scheme === 'https') : isTls;
  if (isHttps) return 'https';
  const isForwarded = forwardedFor.length > 0 || schemes.length > 0;
  const isLocal = !isForwarded || (isTrusted && isLoopbackHost(findClientAddress(peer, forwardedFor, trustedProxies)));
  const { hostname } = readOwnOrigin(headers.host, 'http') ?? { hostname: '' };
  return isLocal && isLoopbackHost(hostname) ? 'loopback' : 'insecure';
}

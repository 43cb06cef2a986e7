import { randomUUID } from 'node:crypto';
import type { Network } from '../../domain/credentials/allowed-networks.ts';
import { findClientAddress } from '../../domain/credentials/client-address.ts';
import { MAX_DEVICE_LENGTH } from '../../domain/rules/reserved-domains.ts';
import { findRequestId } from '../../transport/request-id.ts';

/** Sessions store it. */
const MAX_USER_AGENT_LENGTH = 256;

/** The parts of an admin API call that a handler sees in addition to its request. */
export interface CallContext {
  /** The caller's x-request-id, or a generated id. */
  readonly requestId: string;
  /** The header of that name. If it is repeated, its values joined by commas: that is no credential. */
  readonly authorization: string | undefined;
  /** IP address of the client: the peer of the connection, or what a trusted proxy says. */
  readonly peer: string;
  /** The name that the client gives its device; undefined: none. Anybody can send any name. */
  readonly device: string | undefined;
  /** The header `user-agent`, cut off after 256 characters. Empty: there is none. */
  readonly userAgent: string;
}

/** How the context of calls is read. */
export interface CallContextOptions {
  /** Proxies whose `x-forwarded-for` names the client. */
  readonly trustedProxies: readonly Network[];
  /** Lower-case name of the header in which clients name their device; undefined: none. */
  readonly deviceHeader: string | undefined;
}

/** A call as its transport received it. */
export interface ReceivedCall {
  /** IP address of the other end of the connection. */
  readonly peer: string;
  /** Returns all values of a header with a lower-case name, in their order. */
  readHeader(name: string): readonly string[];
}

/** Reads the context of a call, whatever transport it came over. */
export function readCallContext(
  { peer, readHeader }: ReceivedCall,
  { trustedProxies, deviceHeader }: CallContextOptions,
): CallContext {
  // A proxy may read another one of repeated headers than Weir does, so none of them counts.
  const authorizations = readHeader('authorization');
  const [userAgent = ''] = readHeader('user-agent');
  const [device = ''] = deviceHeader === undefined ? [] : readHeader(deviceHeader);
  return {
    requestId: findRequestId(readHeader('x-request-id')) ?? randomUUID(),
    authorization: authorizations.length === 0 ? undefined : authorizations.join(', '),
    peer: findClientAddress(peer, readHeader('x-forwarded-for'), trustedProxies),
    device: device === '' ? undefined : device.slice(0, MAX_DEVICE_LENGTH),
    userAgent: userAgent.slice(0, MAX_USER_AGENT_LENGTH),
  };
}

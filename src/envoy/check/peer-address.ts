import { LENGTH_DELIMITED, type WireReader } from '../wire/wire-reader.ts';

// Field numbers of envoy.service.auth.v3.AttributeContext and envoy.config.core.v3 (proto/envoy).
const PEER = { address: 1 };
const ADDRESS = { socketAddress: 1 };
const SOCKET_ADDRESS = { address: 2 };

/**
 * Reads the IP address of an AttributeContext.Peer. Returns undefined if it has none, as with a Unix domain socket, or
 * an empty one.
 */
export function readPeerAddress(reader: WireReader): string | undefined {
  const outerEnd = reader.enterMessage();
  let address = '';
  while (reader.nextField()) {
    if (reader.isField(PEER.address, LENGTH_DELIMITED)) address = readAddress(reader);
    else reader.skipField();
  }
  reader.leaveMessage(outerEnd);
  return address === '' ? undefined : address;
}

function readAddress(reader: WireReader): string {
  const outerEnd = reader.enterMessage();
  let address = '';
  while (reader.nextField()) {
    if (reader.isField(ADDRESS.socketAddress, LENGTH_DELIMITED)) address = readSocketAddress(reader);
    else reader.skipField();
  }
  reader.leaveMessage(outerEnd);
  return address;
}

function readSocketAddress(reader: WireReader): string {
  const outerEnd = reader.enterMessage();
  let address = '';
  while (reader.nextField()) {
    if (reader.isField(SOCKET_ADDRESS.address, LENGTH_DELIMITED)) address = reader.readString();
    else reader.skipField();
  }
  reader.leaveMessage(outerEnd);
  return address;
}

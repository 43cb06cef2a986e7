import { SharedRoom } from '../../collections/shared-room.ts';
import { findRoom, type OpenRoom } from './open-methods.ts';

/** Calls of one client that may be in progress: an IPv4 address or an IPv6 network of 64 bits. */
const MAX_PER_NETWORK = 16;

/**
 * Calls that may be in progress together. Those of `shared` may each hold a connection of Postgres. Those of `passwords`
 * only wait for their turn to hash. The emergency brake has a room that no other method can fill.
 */
const ROOM_SIZES: Readonly<Record<OpenRoom, number>> = { shared: 64, passwords: 1_024, brake: 1_024 };

/** Bounds the calls without a caller that are in progress, so that a flood of them leaves room for all other calls. */
export class OpenRooms {
  readonly #rooms = createRooms();
  /** Those of networks from which somebody has signed in lately. A flood from elsewhere cannot fill them. */
  readonly #trustedRooms = createRooms();

  /** Returns the function that ends the call. undefined: there is no room. */
  enter(method: string, network: string, isTrusted: boolean): (() => void) | undefined {
    const name = findRoom(method);
    if (name === undefined) return () => {};
    const room = (isTrusted ? this.#trustedRooms : this.#rooms)[name];
    return room.enter(network) ? () => room.leave(network) : undefined;
  }
}

function createRooms(): Readonly<Record<OpenRoom, SharedRoom>> {
  return {
    shared: new SharedRoom(ROOM_SIZES.shared, MAX_PER_NETWORK),
    passwords: new SharedRoom(ROOM_SIZES.passwords, MAX_PER_NETWORK),
    brake: new SharedRoom(ROOM_SIZES.brake, MAX_PER_NETWORK),
  };
}

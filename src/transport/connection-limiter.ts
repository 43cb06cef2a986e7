import type { Socket } from 'node:net';
import { formatPeer } from './peer-name.ts';
import type { TransportLogger } from './transport-logger.ts';

/** Time between two log lines about connections that were closed because the listener is full. */
const LOG_INTERVAL_MS = 60_000;
/** A connection that has carried a call makes room only if it has carried none for this long. */
export const MIN_IDLE_MS = 10_000;

export interface ConnectionLimits {
  /** Connections that may be open at once. */
  readonly total: number;
  /** Those of one network of clients. */
  readonly network: number;
}

/** When connections without calls are closed, in ms. */
export interface IdleLimits {
  /** Age of a connection that has never carried a call. */
  readonly unusedMs: number;
  /** Time since the last call of a connection that has carried one. */
  readonly idleMs: number;
}

/** The connections of a listener, as a scrape of metrics reads them. */
export interface ConnectionCounts {
  readonly open: number;
  /** Closed so far because there was no room: unused or idle ones, and new ones. */
  readonly closedForRoom: number;
}

/** A connection that has carried no call. */
interface UnusedConnection {
  readonly socket: Socket;
  readonly network: string;
  /** In ms on the clock of `performance.now()`. */
  readonly openedAt: number;
}

/** A connection that has carried calls. */
interface UsedConnection {
  /** The socket that the listener has accepted. */
  readonly socket: Socket;
  readonly network: string;
  /** Ends the connection so that no call is lost. */
  readonly endGracefully: () => void;
  /** When the connection last had a call, in ms on the clock of `performance.now()`. */
  activeAt: number;
}

/**
 * Limits the TCP connections of a listener. When the listener is full, the oldest connection
 * that has never carried a call makes room: a client that opens a connection in order to call, as Envoy does, calls at
 * once, and a client that opened it in advance can open another. If there is none, the connection that has been idle the
 * longest makes room. When none has been idle for MIN_IDLE_MS, the new connection is closed. A network that has its share
 * of connections makes room itself.
 */
export class ConnectionLimiter {
  readonly #limits: ConnectionLimits;
  readonly #networkOf: (address: string) => string;
  readonly #log: TransportLogger | undefined;
  readonly #open = new Set<Socket>();
  readonly #openByNetwork = new Map<string, number>();
  /**
   * Connections without a call so far, the oldest first. The key is the peer and not the socket, because over TLS the
   * call arrives on another socket object than the one that was accepted.
   */
  readonly #unused = new Map<string, UnusedConnection>();
  /** The other connections by peer, the one that has been idle the longest first. */
  readonly #used = new Map<string, UsedConnection>();
  #isClosed = false;
  #closedForRoom = 0;
  #closedSinceLog = 0;
  #loggedAt = Number.NEGATIVE_INFINITY;

  /** `networkOf` computes the network of an IP address. */
  constructor(limits: ConnectionLimits, networkOf: (address: string) => string, log: TransportLogger | undefined) {
    this.#limits = limits;
    this.#networkOf = networkOf;
    this.#log = log;
  }

  get counts(): ConnectionCounts {
    return { open: this.#open.size, closedForRoom: this.#closedForRoom };
  }

  /** Admits a connection that the listener has accepted. Otherwise closes it and returns false. */
  admit(socket: Socket): boolean {
    const network = this.#networkOf(socket.remoteAddress ?? '');
    if (this.#isClosed || !this.#hasRoom(network)) {
      socket.destroy();
      return false;
    }
    const peer = formatPeer(socket);
    this.#open.add(socket);
    this.#openByNetwork.set(network, this.#countOpen(network) + 1);
    this.#unused.set(peer, { socket, network, openedAt: performance.now() });
    socket.on('close', () => {
      this.#forget(socket, network);
      if (this.#unused.get(peer)?.socket === socket) this.#unused.delete(peer);
      if (this.#used.get(peer)?.socket === socket) this.#used.delete(peer);
    });
    return true;
  }

  /** Records that the first call has arrived on this socket, or on a TLS socket over it. */
  markUsed(callSocket: Socket, endGracefully: () => void): void {
    const peer = formatPeer(callSocket);
    const unused = this.#unused.get(peer);
    if (unused === undefined) return;
    this.#unused.delete(peer);
    const { socket, network } = unused;
    this.#used.set(peer, { socket, network, endGracefully, activeAt: performance.now() });
  }

  /** Records that a call has arrived on this socket lately, or is in progress. `now` is that of `performance.now()`. */
  markActive(callSocket: Socket, now: number): void {
    const peer = formatPeer(callSocket);
    const connection = this.#used.get(peer);
    if (connection === undefined) return;
    connection.activeAt = now;
    this.#used.delete(peer);
    this.#used.set(peer, connection); // now the last one
  }

  /** Closes the connections that have been without calls for longer than the limits allow. */
  closeIdle({ unusedMs, idleMs }: IdleLimits, now: number): void {
    for (const [peer, connection] of this.#unused) {
      if (now - connection.openedAt < unusedMs) break;
      this.#closeUnused(peer, connection);
    }
    for (const [peer, connection] of this.#used) {
      if (now - connection.activeAt < idleMs) break;
      this.#closeUsed(peer, connection);
    }
  }

  /** Closes all connections at once, and every later one. */
  closeAll(): void {
    this.#isClosed = true;
    for (const socket of this.#open) socket.destroy();
  }

  /** Returns whether a new connection of the network has room, and makes room if needed. */
  #hasRoom(network: string): boolean {
    if (this.#countOpen(network) >= this.#limits.network) return this.#makeRoom(network);
    return this.#open.size < this.#limits.total || this.#makeRoom(undefined);
  }

  /** Returns whether a connection has made room. `network`: only one of this network may. */
  #makeRoom(network: string | undefined): boolean {
    this.#logFull();
    for (const [peer, connection] of this.#unused) {
      if (network !== undefined && connection.network !== network) continue;
      this.#closeUnused(peer, connection);
      return true;
    }
    for (const [peer, connection] of this.#used) {
      if (network !== undefined && connection.network !== network) continue;
      if (performance.now() - connection.activeAt < MIN_IDLE_MS) return false;
      this.#closeUsed(peer, connection);
      return true;
    }
    return false;
  }

  #closeUnused(peer: string, { socket, network }: UnusedConnection): void {
    this.#unused.delete(peer);
    this.#forget(socket, network);
    socket.destroy();
  }

  #closeUsed(peer: string, { socket, network, endGracefully }: UsedConnection): void {
    this.#used.delete(peer);
    this.#forget(socket, network);
    endGracefully();
  }

  #countOpen(network: string): number {
    return this.#openByNetwork.get(network) ?? 0;
  }

  /** Stops counting a connection: it is closed, or closes as soon as its calls have ended. */
  #forget(socket: Socket, network: string): void {
    if (!this.#open.delete(socket)) return;
    const left = this.#countOpen(network) - 1;
    if (left > 0) this.#openByNetwork.set(network, left);
    else this.#openByNetwork.delete(network);
  }

  #logFull(): void {
    this.#closedForRoom += 1;
    this.#closedSinceLog += 1;
    const now = performance.now();
    if (now - this.#loggedAt < LOG_INTERVAL_MS) return;
    this.#log?.warn(
      { most: this.#limits.total, closed: this.#closedSinceLog },
      'too many connections: closed unused, idle or new ones',
    );
    this.#loggedAt = now;
    this.#closedSinceLog = 0;
  }
}

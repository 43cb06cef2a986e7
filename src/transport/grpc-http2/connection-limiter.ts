import type { Socket } from 'node:net';
import type { TransportLogger } from '../transport-logger.ts';

/** Time between two log lines about connections that were closed because the listener is full. */
const LOG_INTERVAL_MS = 60_000;

/**
 * Keeps at most `maxConnections` TCP connections of a listener open. When the listener is full, the oldest connection
 * that has never carried a call makes room: a client that opens a connection in order to call, as Envoy does, calls at
 * once, and a client that opened it in advance can open another. When all have carried calls, the new one is closed.
 */
export class ConnectionLimiter {
  readonly #maxConnections: number;
  readonly #log: TransportLogger | undefined;
  readonly #open = new Set<Socket>();
  /**
   * Connections without a call so far, the oldest first. The key is the peer and not the socket, because over TLS the
   * call arrives on another socket object than the one that was accepted.
   */
  readonly #unused = new Map<string, Socket>();
  #isClosed = false;
  #closedSinceLog = 0;
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(maxConnections: number, log: TransportLogger | undefined) {
    this.#maxConnections = maxConnections;
    this.#log = log;
  }

  /** Admits a connection that the listener has accepted. Otherwise closes it and returns false. */
  admit(socket: Socket): boolean {
    if (this.#isClosed || (this.#open.size >= this.#maxConnections && !this.#makeRoom())) {
      socket.destroy();
      return false;
    }
    const peer = formatPeer(socket);
    this.#open.add(socket);
    this.#unused.set(peer, socket);
    socket.on('close', () => {
      this.#open.delete(socket);
      if (this.#unused.get(peer) === socket) this.#unused.delete(peer);
    });
    return true;
  }

  /** Records that a call has arrived on this socket, or on a TLS socket over it. */
  markUsed(socket: Socket): void {
    this.#unused.delete(formatPeer(socket));
  }

  /** Closes all connections at once, and every later one. */
  closeAll(): void {
    this.#isClosed = true;
    for (const socket of this.#open) socket.destroy();
  }

  #makeRoom(): boolean {
    this.#logFull();
    for (const [peer, socket] of this.#unused) {
      this.#unused.delete(peer);
      this.#open.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  }

  #logFull(): void {
    this.#closedSinceLog += 1;
    const now = performance.now();
    if (now - this.#loggedAt < LOG_INTERVAL_MS) return;
    this.#log?.warn(
      { most: this.#maxConnections, closed: this.#closedSinceLog },
      'too many connections: closed unused or new ones',
    );
    this.#loggedAt = now;
    this.#closedSinceLog = 0;
  }
}

function formatPeer({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}

import type { Socket } from 'node:net';
import type { WarningLogger } from '../../interfaces/logger.ts';

/** ms between two log lines about connections that were closed for lack of room. */
const TELLING_INTERVAL = 60_000;

/**
 * The TCP connections of a listener, of which it keeps no more than `most`. Beyond it the oldest that has never asked
 * anything makes room: whoever opens a connection in order to ask, as Envoy does, asks at once, and who opened it ahead
 * opens another. Where all have asked, the newest is closed.
 */
export class OpenConnections {
  readonly #most: number;
  readonly #log: WarningLogger | undefined;
  readonly #open = new Set<Socket>();
  /** Those that have not asked anything, the oldest first, by peer: over TLS another socket asks than was accepted. */
  readonly #unused = new Map<string, Socket>();
  #isCut = false;
  #closed = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(most: number, log: WarningLogger | undefined) {
    this.#most = most;
    this.#log = log;
  }

  /** Takes a connection that the listener has accepted, or closes it and says false. */
  add(socket: Socket): boolean {
    if (this.#isCut || (this.#open.size >= this.#most && !this.#makeRoom())) {
      socket.destroy();
      return false;
    }
    const peer = peerOf(socket);
    this.#open.add(socket);
    this.#unused.set(peer, socket);
    socket.on('close', () => {
      this.#open.delete(socket);
      if (this.#unused.get(peer) === socket) this.#unused.delete(peer);
    });
    return true;
  }

  /** A call has come over this socket, or one that speaks TLS over it. */
  use(socket: Socket): void {
    this.#unused.delete(peerOf(socket));
  }

  /** Closes all at once, and those that are still to come. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#open) socket.destroy();
  }

  #makeRoom(): boolean {
    this.#tell();
    for (const [peer, socket] of this.#unused) {
      this.#unused.delete(peer);
      this.#open.delete(socket);
      socket.destroy();
      return true;
    }
    return false;
  }

  #tell(): void {
    this.#closed += 1;
    const now = performance.now();
    if (now - this.#toldAt < TELLING_INTERVAL) return;
    this.#log?.warn({ most: this.#most, closed: this.#closed }, 'too many connections: unused or new ones are closed');
    this.#toldAt = now;
    this.#closed = 0;
  }
}

function peerOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`;
}

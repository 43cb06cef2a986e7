import { createServer, type Server, type Socket } from 'node:net';
import type { WarningLogger } from '../../interfaces/logger.ts';
import { type ListenAddress, listen } from '../../transport/listen.ts';
import type { ConnectionMessage } from '../channel/worker-messages.ts';
import type { WorkerProcess } from '../supervision/worker-process.ts';

type Receiver = Pick<WorkerProcess, 'giveConnection' | 'endConnections' | 'ended'>;

/** The connections of a worker. */
interface Share {
  /** Whether it gets more. */
  isOpen: boolean;
  /** How many it has, as far as it has reported their ends. */
  connections: number;
  /** Those that it has not taken yet, in the order in which they were given to it. */
  readonly untaken: Socket[];
}

/**
 * Accepts the connections of a node and gives each to the worker that has the fewest; of several, to the one that has
 * waited the longest. It reads nothing from them. The kernel would distribute them by a hash of their addresses, and an
 * Envoy opens few, so that some workers would get none.
 */
export class ConnectionDistributor {
  /** Sockets are read by the worker that gets them, so not here. */
  readonly #server: Server = createServer({ pauseOnConnect: true, noDelay: true, keepAlive: true });
  /** The one that got a connection last is the last. */
  readonly #shares = new Map<Receiver, Share>();
  #isDraining = false;

  constructor(log: WarningLogger) {
    this.#server.on('connection', (socket) => this.#give(socket));
    this.#server.on('error', (error) => log.warn({ err: error }, 'the listener failed to accept a connection'));
  }

  /** Accepts connections. Resolves to the port. Rejects if it cannot listen on the address. */
  async listen(address: ListenAddress): Promise<number> {
    return (await listen(this.#server, address)).port;
  }

  /** Stops listening as soon as the last worker takes no more connections. */
  drain(): void {
    this.#isDraining = true;
    this.#closeIfDrained();
  }

  close(): void {
    this.#server.close();
  }

  receive(worker: Receiver, message: ConnectionMessage): void {
    if (message.kind === 'joins') this.#add(worker);
    const share = this.#shares.get(worker);
    if (share === undefined) return;
    if (message.kind === 'leaves') {
      share.isOpen = false;
      this.#closeIfDrained();
      worker.endConnections();
    } else if (message.kind === 'connections') {
      share.connections -= message.closed;
      for (const socket of share.untaken.splice(0, message.taken)) socket.destroy(); // the worker has it open
    }
  }

  #add(worker: Receiver): void {
    const share: Share = { isOpen: true, connections: 0, untaken: [] };
    this.#shares.set(worker, share);
    void worker.ended.then(() => {
      this.#shares.delete(worker);
      for (const socket of share.untaken) this.#give(socket);
    });
  }

  /** Without a worker, closes the connection, as if nobody listened. */
  #give(socket: Socket): void {
    const next = this.#findLeastLoaded();
    if (next === undefined) {
      socket.destroy();
      return;
    }
    const [worker, share] = next;
    this.#shares.delete(worker);
    this.#shares.set(worker, share);
    share.connections += 1;
    share.untaken.push(socket);
    worker.giveConnection(socket);
  }

  #findLeastLoaded(): readonly [Receiver, Share] | undefined {
    let least: readonly [Receiver, Share] | undefined;
    for (const entry of this.#shares) {
      const [, { isOpen, connections }] = entry;
      if (isOpen && (least === undefined || connections < least[1].connections)) least = entry;
    }
    return least;
  }

  #closeIfDrained(): void {
    if (this.#isDraining && this.#findLeastLoaded() === undefined) this.#server.close();
  }
}

import type { Socket } from 'node:net';
import type { ListenAddress, Listener } from '../../transport/listen.ts';
import type { ConnectionMessage, MessageToWorker } from '../channel/worker-messages.ts';

/** Opens a listener whose connections the primary process accepts and gives to this one (ConnectionDistributor). */
export async function openDistributedListener(address: ListenAddress): Promise<Listener> {
  return new DistributedListener(address);
}

class DistributedListener implements Listener {
  readonly address: ListenAddress;
  readonly #open = new Set<Socket>();
  readonly #left = Promise.withResolvers<void>();
  readonly #allClosed = Promise.withResolvers<void>();
  #hasLeft = false;
  /** Connections that were taken and that have closed since the last report. */
  #unreported: { taken: number; closed: number } | undefined;

  constructor(address: ListenAddress) {
    this.address = address;
  }

  accept(take: (socket: Socket) => void): void {
    process.on('message', ({ kind }: MessageToWorker, socket: Socket | undefined) => {
      if (kind === 'connection') this.#add(socket, take);
      else if (kind === 'left') this.#left.resolve();
    });
    report({ kind: 'joins' });
  }

  async close(): Promise<void> {
    report({ kind: 'leaves' });
    await this.#left.promise;
    this.#hasLeft = true;
    if (this.#open.size > 0) await this.#allClosed.promise;
  }

  /** `socket` is undefined if the connection has closed on its way. */
  #add(socket: Socket | undefined, take: (socket: Socket) => void): void {
    this.#nextReport().taken += 1;
    if (socket === undefined) {
      this.#nextReport().closed += 1;
      return;
    }
    this.#open.add(socket);
    socket.once('close', () => this.#remove(socket));
    take(socket);
  }

  #remove(socket: Socket): void {
    this.#open.delete(socket);
    this.#nextReport().closed += 1;
    if (this.#hasLeft && this.#open.size === 0) this.#allClosed.resolve();
  }

  /** The report of this turn of the event loop. */
  #nextReport(): { taken: number; closed: number } {
    if (this.#unreported !== undefined) return this.#unreported;
    const counts = { taken: 0, closed: 0 };
    this.#unreported = counts;
    setImmediate(() => {
      this.#unreported = undefined;
      report({ kind: 'connections', ...counts });
    });
    return counts;
  }
}

/** An error means that the primary process has gone, and this process ends. */
function report(message: ConnectionMessage): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A layer-4 balancer, as a Kubernetes Service is one: it passes each new connection to the next server in turn. */
export class L4Balancer {
  /** Ports of the servers. A test may change them at any time; that affects new connections only. */
  readonly serverPorts: number[];
  connectionCount = 0;
  readonly #listener: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(serverPorts: readonly number[], listener: Server) {
    this.serverPorts = [...serverPorts];
    this.#listener = listener;
    listener.on('connection', (client: Socket) => this.#forward(client));
  }

  static async start(serverPorts: readonly number[]): Promise<L4Balancer> {
    const listener = createServer({ noDelay: true, allowHalfOpen: true });
    const balancer = new L4Balancer(serverPorts, listener);
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return balancer;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port; // a server that listens on TCP has such an address
  }

  stop(): void {
    this.#listener.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #forward(client: Socket): void {
    const port = this.serverPorts[this.connectionCount % this.serverPorts.length];
    if (port === undefined) throw new Error('the balancer has no server');
    this.connectionCount += 1;
    const server = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => this.#sockets.delete(from));
    }
  }
}

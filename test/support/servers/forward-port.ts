import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A port that leads to another one, and can be shut as if the server behind it were away. */
export interface PortForwarder {
  readonly port: number;
  /** Closes all connections and refuses further ones. */
  shut(): void;
  /** Closes all connections. Accepts further ones and never answers. */
  hang(): void;
  open(): void;
  close(): Promise<void>;
}

/** Forwards a free port of 127.0.0.1 to another port of it. */
export async function forwardPort(target: number): Promise<PortForwarder> {
  const sockets = new Set<Socket>();
  let state: 'open' | 'shut' | 'hanging' = 'open';
  const server = createServer((client) => {
    if (state === 'shut') {
      client.resetAndDestroy();
      return;
    }
    if (state === 'hanging') {
      sockets.add(client);
      client.on('error', () => {});
      return;
    }
    const upstream = connect(target, '127.0.0.1');
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a server that listens on TCP has such an address
  const destroyAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port,
    shut: () => {
      state = 'shut';
      destroyAll();
    },
    hang: () => {
      state = 'hanging';
      destroyAll();
    },
    open: () => {
      state = 'open';
      destroyAll();
    },
    close: async () => {
      destroyAll();
      server.close();
      await once(server, 'close');
    },
  };
}

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { TransportLogger } from './transport-logger.ts';

export interface ListenAddress {
  readonly host: string;
  /** 0 means any free port. */
  readonly port: number;
}

/** Accepts the connections of a server. */
export interface Listener {
  /** Where clients connect, with the actual port if port 0 was requested. */
  readonly address: { readonly port: number };
  /** Passes on the connections from now on. Call it once. */
  accept(take: (socket: Socket) => void): void;
  /** Accepts no more connections. Resolves when all that were accepted are closed. */
  close(): Promise<void>;
}

/** Opens a listener. Rejects if it cannot listen. */
export type OpenListener = (address: ListenAddress, log: TransportLogger | undefined) => Promise<Listener>;

/** Lets a server listen on a port. Resolves to its address. Rejects if it cannot listen. */
export function listen(server: Server, { host, port }: ListenAddress): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server.address() as AddressInfo); // a server that listens on a port, and not on a pipe, has this type
    });
  });
}

/** Opens a listener of this process. */
export async function openListener(address: ListenAddress, log: TransportLogger | undefined): Promise<Listener> {
  const server = createServer({ noDelay: true, keepAlive: true });
  const actualAddress = await listen(server, address);
  server.on('error', (error) => log?.warn({ err: error }, 'the listener failed to accept a connection'));
  return {
    address: actualAddress,
    accept: (take) => void server.on('connection', take),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Server, ServerCredentials, type ServerOptions } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';

const OPTIONS: ServerOptions = {
  // The largest real requests are far smaller: a plan of 16 limits, or a CheckRequest with a body.
  'grpc.max_receive_message_length': 1024 * 1024,
  'grpc.max_send_message_length': 4 * 1024 * 1024,
  'grpc.max_concurrent_streams': 1024,
};
const STOP_TIMEOUT_MS = 10_000;

/** A server of grpc-js with its health service. */
export interface GrpcJsServer {
  readonly server: Server;
  readonly health: HealthImplementation;
  /** Every name that the health service knows. */
  readonly healthNames: readonly string[];
}

/** A server that listens. */
export interface RunningServer {
  /** `host:port` on which the server listens. The port is the actual one, even if port 0 was requested. */
  readonly address: string;
  /** Reports NOT_SERVING, finishes the calls in progress, and closes. After 10 s it closes regardless. */
  stop(): Promise<void>;
}

/**
 * Creates a server with only the health service. The caller adds its services, then calls `listen`. `healthNames` are
 * the names that health checks may ask for, in addition to the empty one. All of them have the same status.
 */
export function createGrpcJsServer(healthNames: readonly string[]): GrpcJsServer {
  const server = new Server(OPTIONS);
  const allNames = [...new Set(['', ...healthNames])];
  const health = new HealthImplementation(Object.fromEntries(allNames.map((name) => [name, 'SERVING'])));
  health.addToServer(server);
  return { server, health, healthNames: allNames };
}

/** Listens on `host:port`, without TLS. Rejects when it cannot. */
export async function listen({ server, health, healthNames }: GrpcJsServer, address: string): Promise<RunningServer> {
  const bind = promisify<string, ServerCredentials, number>(server.bindAsync.bind(server));
  const port = await bind(address, ServerCredentials.createInsecure());
  return {
    address: `${address.slice(0, address.lastIndexOf(':'))}:${port}`,
    async stop() {
      for (const name of healthNames) health.setStatus(name, 'NOT_SERVING');
      const shutdownFinished = new AbortController();
      // A Watch call of the health service never ends, and a client may ignore GOAWAY. And while a socket stays open,
      // even a forced shutdown does not call back; so the timeout ends the wait as well.
      const timedOut = sleep(STOP_TIMEOUT_MS, undefined, { signal: shutdownFinished.signal }).then(
        () => server.forceShutdown(),
        () => {},
      );
      await Promise.race([promisify(server.tryShutdown.bind(server))(), timedOut]);
      shutdownFinished.abort();
    },
  };
}

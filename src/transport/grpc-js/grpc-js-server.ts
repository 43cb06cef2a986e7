import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Server, ServerCredentials, type ServerOptions } from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';

const OPTIONS: ServerOptions = {
  // The largest real request is a plan of 16 limits or a CheckRequest with a body, both far below.
  'grpc.max_receive_message_length': 1024 * 1024,
  'grpc.max_send_message_length': 4 * 1024 * 1024,
  'grpc.max_concurrent_streams': 1024,
};
const STOP_TIMEOUT_MS = 10_000;

export interface RunningServer {
  /** `host:port` that it listens on, the port being the real one where 0 was asked for. */
  readonly address: string;
  /** Says NOT_SERVING, finishes what is under way, closes. */
  stop(): Promise<void>;
}

/** A server of grpc-js with the health service, without anything else yet. */
export function createServer() {
  const server = new Server(OPTIONS);
  const health = new HealthImplementation({ '': 'SERVING' });
  health.addToServer(server);
  return { server, health };
}

/** Listens on `host:port`; rejects when it cannot. */
export async function listen(
  { server, health }: ReturnType<typeof createServer>,
  address: string,
): Promise<RunningServer> {
  const bind = promisify<string, ServerCredentials, number>(server.bindAsync.bind(server));
  const port = await bind(address, ServerCredentials.createInsecure());
  return {
    address: `${address.slice(0, address.lastIndexOf(':'))}:${port}`,
    async stop() {
      health.setStatus('', 'NOT_SERVING');
      const finished = new AbortController();
      // Watching health never ends by itself, nor does a client that does not answer GOAWAY; and a socket that is left
      // open keeps even a forced shutdown from calling back.
      const late = sleep(STOP_TIMEOUT_MS, undefined, { signal: finished.signal }).then(
        () => server.forceShutdown(),
        () => {},
      );
      await Promise.race([promisify(server.tryShutdown.bind(server))(), late]);
      finished.abort();
    },
  };
}

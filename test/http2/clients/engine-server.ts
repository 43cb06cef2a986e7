import { type AddressInfo, createServer, type Socket } from 'node:net';
import { Http2Socket } from '../../../src/transport/grpc-http2/http2-socket.ts';
import { TurnBatcher } from '../../../src/transport/grpc-http2/turn-batcher.ts';
import { encodeHeaders } from '../../../src/transport/http2/hpack/header-encoder.ts';
import { ServerConnection } from '../../../src/transport/http2/server-connection.ts';

const HEADERS = encodeHeaders([
  [':status', '200'],
  ['content-type', 'text/plain'],
]);
const TRAILERS = encodeHeaders([['x-end', '1']]);
const BODY = Buffer.from('A body with more bytes than the smallest windows.');

/** Starts the HTTP/2 engine on sockets, without gRPC. It responds to each complete request with a short body. */
export async function startEngineServer(): Promise<{ port: number; stop: () => Promise<void> }> {
  const turns = new TurnBatcher(() => {}, undefined);
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    const connection = new ServerConnection<undefined>({
      readHead: () => undefined,
      acceptRequest: (stream) => ({
        onData: () => {},
        onReset: () => stream.discard(),
        onEnd: () => {
          stream.respond(HEADERS, BODY, BODY, TRAILERS);
          http2Socket.scheduleFlush();
        },
      }),
    });
    const http2Socket = new Http2Socket(socket, connection, turns, undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port, // an AddressInfo, because it listens on a port
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

import { afterEach } from 'vitest';
import {
  type Http2GrpcServer,
  type Http2GrpcServerOptions,
  startHttp2GrpcServer,
} from '../../src/transport/grpc-http2/http2-grpc-server.ts';
import type { BatchHandler, UnaryCall } from '../../src/transport/unary-call.ts';
import { RawPeer } from './raw-peer.ts';

type Serve = (
  handler: BatchHandler,
  options?: Pick<Http2GrpcServerOptions, 'maxConnectionAgeMs' | 'leaving'>,
) => Promise<{ server: Http2GrpcServer; connect: () => Promise<RawPeer> }>;

/** Returns a function that starts a server and connects peers to it. After each test, all of them are closed. */
export function useGrpcServer(): Serve {
  const servers: Http2GrpcServer[] = [];
  const peers: RawPeer[] = [];
  afterEach(async () => {
    for (const peer of peers.splice(0)) peer.socket.destroy();
    for (const server of servers.splice(0)) await server.stop({ graceMs: 0 });
  });
  return async (handler, options) => {
    const server = await startHttp2GrpcServer({
      address: { host: '127.0.0.1', port: 0 },
      maxConnections: 100,
      handler,
      ...options,
    });
    servers.push(server);
    const connect = async () => {
      const peer = await RawPeer.connect(server.address.port);
      peers.push(peer);
      return peer;
    };
    return { server, connect };
  };
}

/** Replies to each call with its own message. */
export const echo: BatchHandler = (calls) => {
  for (const call of calls) call.reply(call.message);
};

/** A handler that only keeps the calls, so that a test can end them when it wants. */
export function keepCalls(): { calls: UnaryCall[]; batchSizes: number[]; handler: BatchHandler } {
  const calls: UnaryCall[] = [];
  const batchSizes: number[] = [];
  const handler: BatchHandler = (batch) => {
    batchSizes.push(batch.length);
    calls.push(...batch);
  };
  return { calls, batchSizes, handler };
}

/** The headers of a response with this gRPC status, without its message. */
export function statusHeaders(status: number): Record<string, string> {
  return {
    ':status': '200',
    'content-type': 'application/grpc',
    'grpc-status': String(status),
  };
}

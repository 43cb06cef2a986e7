// Weir's HTTP/2 and gRPC alone: every call is answered with a constant, and nothing is decoded.
import { startHttp2GrpcServer } from '../../src/transport/grpc-http2/http2-grpc-server.ts';
import { CONSTANT_ANSWER } from './constant-server.ts';

const server = await startHttp2GrpcServer({
  address: { host: '127.0.0.1', port: 0 },
  maxConnections: 10_000,
  handler: (calls) => {
    for (const call of calls) call.reply(CONSTANT_ANSWER);
  },
});
process.send?.({ port: server.address.port });
process.on('disconnect', () => process.exit());

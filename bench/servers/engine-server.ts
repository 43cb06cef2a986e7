// Weir's HTTP/2 and gRPC engine alone: responds to every call with a constant and decodes nothing.
import { startHttp2GrpcServer } from '../../src/transport/grpc-http2/http2-grpc-server.ts';
import { CONSTANT_RESPONSE, reportReady } from './constant-server.ts';

const server = await startHttp2GrpcServer({
  address: { host: '127.0.0.1', port: 0 },
  maxConnections: 10_000,
  handler: (calls) => {
    for (const call of calls) call.reply(CONSTANT_RESPONSE);
  },
});
reportReady(server.address.port);

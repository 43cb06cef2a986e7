// A server that runs in a process of its own, for tests that measure memory and CPU. Each call gets the same response.
import { startHttp2GrpcServer } from '../../../src/transport/grpc-http2/http2-grpc-server.ts';

const response = Buffer.from([8, 1]);
const server = await startHttp2GrpcServer({
  address: { host: '127.0.0.1', port: 0 },
  maxConnections: 1000,
  handler: (calls) => {
    for (const call of calls) call.reply(response);
  },
});
process.on('message', () => {
  globalThis.gc?.();
  process.send?.({ memory: process.memoryUsage.rss() });
});
process.send?.({ port: server.address.port });

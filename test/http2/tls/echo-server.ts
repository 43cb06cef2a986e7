// A server that runs in a process of its own, for tests that measure time: node echo-server.ts CERT_FILE KEY_FILE
import { startHttp2GrpcServer } from '../../../src/transport/grpc-http2/http2-grpc-server.ts';

const [certFile = '', keyFile = ''] = process.argv.slice(2);
const server = await startHttp2GrpcServer({
  address: { host: '127.0.0.1', port: 0 },
  maxConnections: 10_000,
  tls: { certFile, keyFile },
  handler: (calls) => {
    for (const call of calls) call.reply(call.message);
  },
});
let since = performance.eventLoopUtilization();
process.on('message', () => {
  const now = performance.eventLoopUtilization();
  process.send?.({ utilization: performance.eventLoopUtilization(now, since).utilization });
  since = now;
});
process.send?.({ port: server.address.port });

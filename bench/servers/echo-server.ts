// The yardstick: a bare @grpc/grpc-js server that answers ShouldRateLimit with a constant and decodes nothing.
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { RATE_LIMIT_PATH } from '../load/load-job.ts';
import { CONSTANT_ANSWER } from './constant-server.ts';

const raw = (bytes: Buffer) => bytes;
const answer = Buffer.from(CONSTANT_ANSWER);
const server = new Server();
server.addService(
  {
    ShouldRateLimit: {
      path: RATE_LIMIT_PATH,
      requestStream: false,
      responseStream: false,
      requestSerialize: raw,
      requestDeserialize: raw,
      responseSerialize: raw,
      responseDeserialize: raw,
    },
  },
  { ShouldRateLimit: (_call: unknown, callback: (error: null, value: Buffer) => void) => callback(null, answer) },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.send?.({ port });
});
process.on('disconnect', () => process.exit());

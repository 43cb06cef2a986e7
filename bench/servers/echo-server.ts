// The yardstick: a plain @grpc/grpc-js server that responds to ShouldRateLimit with a constant and decodes nothing.
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { RATE_LIMIT_METHOD } from '../load/load-job.ts';
import { CONSTANT_RESPONSE, reportReady } from './constant-server.ts';

const passThrough = (bytes: Buffer) => bytes;
const response = Buffer.from(CONSTANT_RESPONSE);
const server = new Server();
server.addService(
  {
    ShouldRateLimit: {
      path: RATE_LIMIT_METHOD,
      requestStream: false,
      responseStream: false,
      requestSerialize: passThrough,
      requestDeserialize: passThrough,
      responseSerialize: passThrough,
      responseDeserialize: passThrough,
    },
  },
  { ShouldRateLimit: (_call: unknown, callback: (error: null, value: Buffer) => void) => callback(null, response) },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  reportReady(port);
});

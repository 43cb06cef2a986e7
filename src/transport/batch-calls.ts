import type { BatchHandler, UnaryCall } from './unary-call.ts';

/**
 * Returns a function that collects calls and passes all that one turn of the event loop has completed to the handler as
 * one batch. setImmediate runs after the turn has read all its readable sockets.
 *
 * It is for transports whose server writes its own responses (grpc-js, HTTP). The transport on our own HTTP/2 uses
 * TurnBatcher (grpc-http2/), which also drops calls that nobody waits for any more, and writes all responses of a
 * connection at once.
 */
export function batchCalls(handler: BatchHandler): (call: UnaryCall) => void {
  let batch: UnaryCall[] = [];
  return (call) => {
    if (batch.push(call) > 1) return;
    setImmediate(() => {
      const fullBatch = batch;
      batch = [];
      handler(fullBatch);
    });
  };
}

import type { BatchHandler, UnaryCall } from './unary-call.ts';

/**
 * Hands a transport's calls to a handler in batches: all that one turn of the event loop has completed. setImmediate runs
 * after all sockets that were readable in this turn have been read.
 */
export function batchCalls(handler: BatchHandler): (call: UnaryCall) => void {
  let batch: UnaryCall[] = [];
  return (call) => {
    if (batch.push(call) > 1) return;
    setImmediate(() => {
      const full = batch;
      batch = [];
      handler(full);
    });
  };
}

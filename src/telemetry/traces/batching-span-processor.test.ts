import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { expect, it } from 'vitest';
import { BatchingSpanProcessor } from './batching-span-processor.ts';

it('counts spans whose export throws as failed, and sends the next ones', async () => {
  let isThrowing = true;
  const exporter: SpanExporter = {
    export(_, done) {
      if (isThrowing) throw new Error('cannot be encoded');
      done({ code: 0 });
    },
    shutdown: async () => {},
  };
  const processor = new BatchingSpanProcessor(exporter);
  const span = {} as ReadableSpan; // this exporter reads nothing of it
  processor.onEnd(span);
  await processor.forceFlush();
  isThrowing = false;
  processor.onEnd(span);
  await processor.forceFlush();
  expect(processor.counts).toEqual({ exported: 1, failed: 1, dropped: 0 });
});

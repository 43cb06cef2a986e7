import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type ReadableSpan, TracerProvider } from '@opentelemetry/sdk-trace';
import { expect, it } from 'vitest';
import { createTracer } from './otel-tracer.ts';

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
/** Small enough to be on the heap of JavaScript. */
const LONG = 500_000;

it('Spans that wait hold only the beginning of long values', () => {
  const spans: ReadableSpan[] = [];
  const processor = {
    onStart: () => {},
    onEnd: (span: ReadableSpan) => void spans.push(span),
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
  const provider = new TracerProvider({ spanProcessors: [processor] });
  const tracer = createTracer(provider.getTracer('test'), { sampler: 'parentbased_always_off', ratio: 1 });
  setFlagsFromString('--expose-gc');
  const collectGarbage: () => void = runInNewContext('gc');
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  for (let calls = 0; calls < 100; calls++) {
    const span = tracer.startCall('/a.Service/Method', TRACEPARENT);
    span?.setAttributes({ 'weir.domain': Buffer.alloc(LONG, 'd').toString() });
    span?.end('OK');
  }
  collectGarbage();
  expect(spans).toHaveLength(100);
  expect(spans[0]?.attributes['weir.domain']).toBe('d'.repeat(2_048));
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(20 * LONG);
});

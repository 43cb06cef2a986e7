import { ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { SamplingDecision } from '@opentelemetry/sdk-trace';
import { expect, it } from 'vitest';
import type { Sampling } from '../../interfaces/tracing-settings.ts';
import { createSampler } from './sampler.ts';

/** Ids of traces that a ratio of a half samples, and does not. */
const [LOW, HIGH] = [`${'0'.repeat(31)}1`, `${'f'.repeat(8)}${'0'.repeat(24)}`];

/** Whether a span of a trace is sampled, by the flags of its parent; undefined: it has none. */
function isSampled({ sampler, ratio }: Sampling, traceId: string, traceFlags?: number): boolean {
  const parent = { traceId, spanId: 'f'.repeat(16), traceFlags: traceFlags ?? 0, isRemote: true };
  const context = traceFlags === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
  const result = createSampler({ sampler, ratio }).shouldSample(context, traceId, 'a call', SpanKind.SERVER, {}, []);
  return result.decision === SamplingDecision.RECORD_AND_SAMPLED;
}

it.each<[Sampling['sampler'], Readonly<Record<'low' | 'high' | 'below sampled' | 'below unsampled', boolean>>]>([
  ['always_on', { low: true, high: true, 'below sampled': true, 'below unsampled': true }],
  ['always_off', { low: false, high: false, 'below sampled': false, 'below unsampled': false }],
  ['traceidratio', { low: true, high: false, 'below sampled': false, 'below unsampled': true }],
  ['parentbased_always_on', { low: true, high: true, 'below sampled': true, 'below unsampled': false }],
  ['parentbased_always_off', { low: false, high: false, 'below sampled': true, 'below unsampled': false }],
  ['parentbased_traceidratio', { low: true, high: false, 'below sampled': true, 'below unsampled': false }],
])('%s samples %o', (sampler, expected) => {
  const sampling = { sampler, ratio: 0.5 };
  expect({
    low: isSampled(sampling, LOW),
    high: isSampled(sampling, HIGH),
    'below sampled': isSampled(sampling, HIGH, 1),
    'below unsampled': isSampled(sampling, LOW, 0),
  }).toEqual(expected);
});

import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import type { Sampling } from '../../interfaces/tracing-settings.ts';

/** Creates the sampler of OTEL_TRACES_SAMPLER. */
export function createSampler({ sampler, ratio }: Sampling): Sampler {
  const root = createRootSampler(sampler, ratio);
  return sampler.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root;
}

function createRootSampler(sampler: Sampling['sampler'], ratio: number): Sampler {
  if (sampler.endsWith('always_on')) return new AlwaysOnSampler();
  return sampler.endsWith('always_off') ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(ratio);
}

/** Whether no call is sampled whose caller is not. Such calls then need no sampler. */
export function followsCallers({ sampler }: Sampling): boolean {
  return sampler === 'parentbased_always_off';
}

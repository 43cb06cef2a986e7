/** Values of OTEL_TRACES_SAMPLER. */
export const SAMPLERS = [
  'parentbased_always_off',
  'parentbased_always_on',
  'parentbased_traceidratio',
  'always_off',
  'always_on',
  'traceidratio',
] as const;

/** Which calls are traced. */
export interface Sampling {
  readonly sampler: (typeof SAMPLERS)[number];
  /** The share of traces that `traceidratio` samples, from 0 to 1. */
  readonly ratio: number;
}

/** Where spans go, and which there are. */
export interface TracingSettings extends Sampling {
  /** URL that takes spans, with its path. */
  readonly url: string;
  /** Headers of the requests that carry spans. They may hold secrets. */
  readonly headers: Readonly<Record<string, string>>;
  /** Time for a batch of spans to reach its receiver, in ms. */
  readonly timeoutMs: number;
  /** PEM file of the authorities that the receiver's certificate may be from; undefined: those of Node.js. */
  readonly certificateFile: string | undefined;
  /** Attributes of all spans, `service.name` included. */
  readonly resource: Readonly<Record<string, string>>;
}

import { z } from 'zod';
import { SAMPLERS, type TracingSettings } from '../../interfaces/tracing-settings.ts';
import { certificatesFile, wait } from '../formats.ts';

/** The path of the receiver of spans, below OTEL_EXPORTER_OTLP_ENDPOINT. */
const TRACES_PATH = 'v1/traces';

/** `key=value,key=value`, with percent-encoded values. */
const keyValues = z.string().transform((text, context): Readonly<Record<string, string>> => {
  const entries = text.split(',').map((entry) => /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=(.*)$/s.exec(entry));
  try {
    return Object.fromEntries(
      entries.map((match) => {
        const [, key, value] = match ?? [];
        if (key === undefined || value === undefined) throw new URIError();
        return [key, decodeURIComponent(value.trim())];
      }),
    );
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    const message = 'must be pairs such as key=value, separated by commas, with percent-encoded values';
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  }
});

const receiverUrl = z.string().refine(isHttpUrl, 'must be an http or https URL, such as http://localhost:4318');

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

const ratio = z
  .string()
  .regex(/^(?:0|1|0?\.\d{1,9}|1\.0)$/, 'must be a share from 0 to 1, such as 0.01')
  .transform(Number);

/** Variables of OpenTelemetry (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). */
export const tracingVariables = {
  OTEL_EXPORTER_OTLP_ENDPOINT: receiverUrl.optional(),
  OTEL_EXPORTER_OTLP_HEADERS: keyValues.optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: z.literal('http/protobuf', 'must be http/protobuf').default('http/protobuf'),
  OTEL_EXPORTER_OTLP_TIMEOUT: wait(1, 60_000).prefault('10000'),
  OTEL_EXPORTER_OTLP_CERTIFICATE: certificatesFile.optional(),
  OTEL_SERVICE_NAME: z.string().optional(),
  OTEL_RESOURCE_ATTRIBUTES: keyValues.optional(),
  OTEL_TRACES_SAMPLER: z.enum(SAMPLERS, `must be one of ${SAMPLERS.join(', ')}`).default('parentbased_always_off'),
  OTEL_TRACES_SAMPLER_ARG: ratio.prefault('1'),
};

/** Returns where spans go. undefined: nowhere. */
export function readTracingConfig(env: z.infer<z.ZodObject<typeof tracingVariables>>): TracingSettings | undefined {
  const endpoint = env.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (endpoint === undefined) return undefined;
  const { OTEL_RESOURCE_ATTRIBUTES: attributes, OTEL_SERVICE_NAME: name } = env;
  return {
    url: new URL(TRACES_PATH, endpoint.endsWith('/') ? endpoint : `${endpoint}/`).href,
    headers: env.OTEL_EXPORTER_OTLP_HEADERS ?? {},
    timeoutMs: env.OTEL_EXPORTER_OTLP_TIMEOUT,
    certificateFile: env.OTEL_EXPORTER_OTLP_CERTIFICATE,
    resource: { 'service.name': 'weir', ...attributes, ...(name !== undefined && { 'service.name': name }) },
    sampler: env.OTEL_TRACES_SAMPLER,
    ratio: env.OTEL_TRACES_SAMPLER_ARG,
  };
}

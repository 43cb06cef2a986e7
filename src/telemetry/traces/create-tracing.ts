import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent } from 'node:https';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import type { Tracer } from '../../interfaces/tracing.ts';
import type { TracingSettings } from '../../interfaces/tracing-settings.ts';
import type { ProcessName } from '../logger.ts';
import { BatchingSpanProcessor, type SpanCounts } from './batching-span-processor.ts';
import { createTracer } from './otel-tracer.ts';
import { createSampler } from './sampler.ts';

/** The tracing of a process. */
export interface Tracing {
  readonly tracer: Tracer;
  readonly counts: Readonly<SpanCounts>;
  /** Sends the spans that wait, for up to `timeoutMs`, and ends the connection to their receiver. */
  stop(timeoutMs: number): Promise<void>;
}

/** The process that spans come from. */
export interface TracedProcess {
  readonly name: ProcessName;
  /** The version of Weir. */
  readonly version: string;
}

/** Starts to send spans. Import this file only where there is a receiver: it brings the whole SDK along. */
export function createTracing(settings: TracingSettings, { name, version }: TracedProcess): Tracing {
  const { url, headers, timeoutMs, certificateFile } = settings;
  const agent = createAgent(url, certificateFile);
  const exporter = new OTLPTraceExporter({
    url,
    headers: { ...headers },
    timeoutMillis: timeoutMs,
    httpAgentOptions: () => agent,
  });
  const processor = new BatchingSpanProcessor(exporter);
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.version': version, ...settings.resource, 'weir.process': name }),
    sampler: createSampler(settings),
    spanProcessors: [processor],
  });
  return {
    tracer: createTracer(provider.getTracer('weir', version), settings),
    counts: processor.counts,
    async stop(stopTimeoutMs) {
      const timeout = Promise.withResolvers<void>();
      const timer = setTimeout(timeout.resolve, stopTimeoutMs);
      await Promise.race([processor.forceFlush(), timeout.promise]);
      clearTimeout(timer);
      agent.destroy();
    },
  };
}

/** One connection is enough: batches are sent one after the other. */
function createAgent(url: string, certificateFile: string | undefined): HttpAgent {
  const options: AgentOptions = { keepAlive: true, maxSockets: 1 };
  if (!url.startsWith('https:')) return new HttpAgent(options);
  return new HttpsAgent({ ...options, ...(certificateFile !== undefined && { ca: readFileSync(certificateFile) }) });
}

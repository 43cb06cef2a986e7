import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parse } from 'protobufjs';

/** The used part of opentelemetry/proto/collector/trace/v1/trace_service.proto and what it imports. */
const PROTO = `syntax = "proto3";
message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message Resource { repeated KeyValue attributes = 1; }
message ScopeSpans { repeated Span spans = 2; }
message Span {
  bytes trace_id = 1;
  bytes span_id = 2;
  bytes parent_span_id = 4;
  string name = 5;
  int32 kind = 6;
  fixed64 start_time_unix_nano = 7;
  fixed64 end_time_unix_nano = 8;
  repeated KeyValue attributes = 9;
  Status status = 15;
}
message Status { int32 code = 3; }
message KeyValue { string key = 1; AnyValue value = 2; }
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
`;
const EXPORT_REQUEST = parse(PROTO).root.lookupType('ExportTraceServiceRequest');

type Attributes = Readonly<Record<string, string | number | boolean>>;

/** A span as it was received. Ids are in hexadecimal, times in ns. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: it has no parent. */
  readonly parentSpanId: string;
  readonly name: string;
  /** 2: server, 3: client. */
  readonly kind: number;
  readonly startTime: number;
  readonly endTime: number;
  readonly attributes: Attributes;
  /** 2: error. */
  readonly status: number;
  readonly resource: Attributes;
}

/** The request as protobufjs decodes it, with strings for bytes and for 64-bit numbers. */
interface ExportRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly KeyValue[] };
    readonly scopeSpans: readonly { readonly spans: readonly RawSpan[] }[];
  }[];
}
interface RawSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
  readonly status: { readonly code: number } | null;
}
interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, string | number | boolean>>;
}

/** A receiver of spans over OTLP (http/protobuf). */
export class SpanReceiver {
  readonly spans: ReceivedSpan[] = [];
  /** Headers of the last request. */
  headers: IncomingHttpHeaders = {};
  requests = 0;
  /** Answers a request. A test may replace it. */
  answer: (response: ServerResponse) => void = (response) =>
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  readonly port: number;
  readonly #stop: () => Promise<void>;

  private constructor(port: number, stop: () => Promise<void>) {
    this.port = port;
    this.#stop = stop;
  }

  static async start(): Promise<SpanReceiver> {
    let receiver: SpanReceiver | undefined;
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      if (request.url === '/v1/traces') receiver?.receive(Buffer.concat(chunks), request.headers);
      receiver?.answer(response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo; // a server that listens on TCP has such an address
    receiver = new SpanReceiver(port, async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    });
    return receiver;
  }

  /** Value of OTEL_EXPORTER_OTLP_ENDPOINT. */
  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The received spans of a trace. */
  inTrace(traceId: string): readonly ReceivedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId);
  }

  stop(): Promise<void> {
    return this.#stop();
  }

  private receive(body: Buffer, headers: IncomingHttpHeaders): void {
    this.requests++;
    this.headers = headers;
    const options = { bytes: String, longs: String, defaults: true, arrays: true, oneofs: false };
    // The shape is that of PROTO.
    const request = EXPORT_REQUEST.toObject(EXPORT_REQUEST.decode(body), options) as unknown as ExportRequest;
    for (const { resource, scopeSpans } of request.resourceSpans) {
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
        this.spans.push(toReceived(span, readAttributes(resource.attributes)));
      }
    }
  }
}

function toReceived(span: RawSpan, resource: Attributes): ReceivedSpan {
  const { name, kind, startTimeUnixNano, endTimeUnixNano, attributes, status } = span;
  return {
    traceId: toHex(span.traceId),
    spanId: toHex(span.spanId),
    parentSpanId: toHex(span.parentSpanId),
    name,
    kind,
    startTime: Number(startTimeUnixNano),
    endTime: Number(endTimeUnixNano),
    attributes: readAttributes(attributes),
    status: status?.code ?? 0,
    resource,
  };
}

function toHex(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex');
}

function readAttributes(pairs: readonly KeyValue[]): Attributes {
  return Object.fromEntries(
    pairs.map(({ key, value: { stringValue, intValue, doubleValue, boolValue } }) => [
      key,
      stringValue ?? (intValue === undefined ? (doubleValue ?? boolValue ?? '') : Number(intValue)),
    ]),
  );
}

/** A header `traceparent` with ids of its own. */
export function newTraceparent(flags = '01'): {
  readonly traceId: string;
  readonly spanId: string;
  readonly header: string;
} {
  const [traceId, spanId] = [randomHex(16), randomHex(8)];
  return { traceId, spanId, header: `00-${traceId}-${spanId}-${flags}` };
}

function randomHex(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString('hex');
}

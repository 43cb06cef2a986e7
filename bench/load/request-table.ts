import { CheckRequest } from '../../src/generated/envoy/service/auth/v3/external_auth.ts';
import { RateLimitRequest } from '../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import { Flag, FrameType, frame } from './http2-frames.ts';
import { type LoadQuestions, pathOf } from './load-job.ts';

/** All requests of a load as they go on the wire, encoded once; only the stream ids are missing. */
export interface RequestTable {
  /** The HEADERS frame of a connection's first request: what the later ones refer to enters HPACK's table with it. */
  readonly firstHeaders: Buffer;
  /** One HEADERS and one DATA frame for each request, one after the other. */
  readonly frames: Buffer;
  /** Where each request begins in `frames`; one more for the end. */
  readonly offsets: readonly number[];
  /** Length of each request's HEADERS frame. */
  readonly headersLength: number;
  readonly longest: number;
}

export function createRequestTable(questions: LoadQuestions): RequestTable {
  const { first, later } = headerBlocks(pathOf(questions));
  const headers = frame(FrameType.HEADERS, Flag.END_HEADERS, later);
  const parts: Buffer[] = [];
  const offsets = [0];
  let end = 0;
  let longest = 0;
  for (const message of messages(questions)) {
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    const data = frame(FrameType.DATA, Flag.END_STREAM, Buffer.concat([prefix, message]));
    parts.push(headers, data);
    end += headers.length + data.length;
    offsets.push(end);
    longest = Math.max(longest, headers.length + data.length);
  }
  const firstHeaders = frame(FrameType.HEADERS, Flag.END_HEADERS, first);
  return { firstHeaders, frames: Buffer.concat(parts), offsets, headersLength: headers.length, longest };
}

/** The first request of a connection, on its first stream. */
export function firstCall({ firstHeaders, frames, offsets, headersLength }: RequestTable): Buffer {
  const data = Buffer.from(frames.subarray(headersLength, offsets[1]));
  const headers = Buffer.from(firstHeaders);
  for (const each of [headers, data]) each.writeUInt32BE(1, 5);
  return Buffer.concat([headers, data]);
}

/** The request messages, in the order in which they are asked, for the generator and for ghz alike. */
export function requests(questions: LoadQuestions): (RateLimitRequest | CheckRequest)[] {
  if (questions.kind === 'check') {
    const isToken = questions.credential === 'token';
    return questions.secrets.map((secret) =>
      checkRequest(isToken ? { authorization: `Bearer ${secret}` } : { 'x-api-key': secret }),
    );
  }
  const { domain, key, values } = questions;
  return Array.from({ length: values }, (_, index) =>
    RateLimitRequest.fromPartial({ domain, descriptors: [{ entries: [{ key, value: `acme-${index}` }] }] }),
  );
}

function messages(questions: LoadQuestions): Uint8Array[] {
  const encode = (request: RateLimitRequest | CheckRequest) =>
    'domain' in request ? RateLimitRequest.encode(request) : CheckRequest.encode(request);
  return requests(questions).map((request) => encode(request).finish());
}

/** As Envoy sends it for a small GET of an HTTP/1.1 client. */
function checkRequest(credential: Readonly<Record<string, string>>): CheckRequest {
  const peer = (portValue: number) => ({
    address: {
      address: {
        $case: 'socketAddress' as const,
        value: { address: '127.0.0.1', portSpecifier: { $case: 'portValue' as const, value: portValue } },
      },
    },
  });
  const headers = {
    ':authority': 'api.example.com',
    ':path': '/v1/orders',
    ':method': 'GET',
    ':scheme': 'http',
    'user-agent': 'curl/8.5.0',
    accept: '*/*',
    'x-forwarded-proto': 'http',
    'x-request-id': '5b0f1f9e-7f0c-4a43-9d3e-2f6f8a1c9b70',
    ...credential,
  };
  const http = {
    id: '8120943',
    method: 'GET',
    headers,
    path: '/v1/orders',
    host: 'api.example.com',
    scheme: 'http',
    protocol: 'HTTP/1.1',
  };
  return CheckRequest.fromPartial({
    attributes: { source: peer(50_000), destination: peer(10_000), request: { http } },
  });
}

/** A literal that enters HPACK's dynamic table; `name` is an index of the static table or a text. Both below 127 bytes. */
function indexed(name: number | string, value: string): Buffer {
  const text = (content: string) => Buffer.concat([Buffer.from([content.length]), Buffer.from(content)]);
  const head = typeof name === 'number' ? Buffer.from([0x40 | name]) : Buffer.concat([Buffer.from([0x40]), text(name)]);
  return Buffer.concat([head, text(value)]);
}

/** As gRPC clients do it: the four fields that HPACK's static table lacks are sent once and then named by index. */
function headerBlocks(path: string): { readonly first: Buffer; readonly later: Buffer } {
  const postOverHttp = Buffer.from([0x83, 0x86]);
  const fields = [indexed(4, path), indexed(1, 'bench'), indexed(31, 'application/grpc'), indexed('te', 'trailers')];
  const first = Buffer.concat([postOverHttp, ...fields]);
  const later = Buffer.concat([postOverHttp, Buffer.from(fields.map((_, index) => 0x80 | (65 - index)))]);
  return { first, later };
}

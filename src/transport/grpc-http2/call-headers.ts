import type { HeaderField } from '../http2/hpack/header-field.ts';
import { findRequestId } from '../request-id.ts';
import { GrpcStatus } from '../unary-call.ts';
import { encodeFailure, encodeHttpRejection } from './responses.ts';

/** The parts of a call's headers that the server needs. */
export interface CallHeaders {
  readonly path: string;
  readonly requestId: string | undefined;
  /** The value of grpc-timeout; undefined: it is missing or invalid. */
  readonly timeoutMs: number | undefined;
  /** Whether compressed messages of this call are gzip. */
  readonly isGzip: boolean;
  /** The encoded response of a call that is rejected for its headers; undefined: the headers are valid. */
  readonly rejection: Uint8Array | undefined;
  /** All fields, in the order in which they were sent. */
  readonly fields: readonly HeaderField[];
}

const MS_PER_UNIT = new Map([
  ['H', 3_600_000],
  ['M', 60_000],
  ['S', 1000],
  ['m', 1],
  ['u', 1e-3],
  ['n', 1e-6],
]);

/** Parses a grpc-timeout, and returns it in ms. undefined: it is invalid. */
export function parseTimeout(value: string): number | undefined {
  const msPerUnit = MS_PER_UNIT.get(value.slice(-1));
  const amount = value.slice(0, -1);
  return msPerUnit === undefined || !/^\d{1,8}$/.test(amount) ? undefined : Number(amount) * msPerUnit;
}

/** Reads the headers of a call: a pure function, so the HTTP/2 engine reuses its result for equal headers. */
export function readCallHeaders(fields: readonly HeaderField[]): CallHeaders {
  const values = new Map<string, string>();
  for (const { name, value } of fields) values.set(name, value);
  const timeout = values.get('grpc-timeout');
  return {
    path: values.get(':path') ?? '',
    requestId: findRequestId([values.get('x-request-id')]),
    timeoutMs: timeout === undefined ? undefined : parseTimeout(timeout),
    isGzip: values.get('grpc-encoding') === 'gzip',
    rejection: encodeRejection(values),
    fields,
  };
}

/** Encodes the response of a call whose headers are invalid. undefined: they are valid. */
function encodeRejection(values: ReadonlyMap<string, string>): Uint8Array | undefined {
  if (values.get(':method') !== 'POST') return encodeHttpRejection('405', [['allow', 'POST']]);
  if (!/^application\/grpc($|[+;])/.test(values.get('content-type') ?? '')) return encodeHttpRejection('415', []);
  const encoding = values.get('grpc-encoding') ?? 'identity';
  if (encoding !== 'identity' && encoding !== 'gzip')
    return encodeFailure(
      GrpcStatus.UNIMPLEMENTED,
      `grpc-encoding: must be identity or gzip (got ${JSON.stringify(encoding)})`,
      [['grpc-accept-encoding', 'identity,gzip']],
    );
  const timeout = values.get('grpc-timeout');
  if (timeout !== undefined && parseTimeout(timeout) === undefined)
    return encodeFailure(
      GrpcStatus.INVALID_ARGUMENT,
      `grpc-timeout: must be 1 to 8 digits and one of H, M, S, m, u, n (got ${JSON.stringify(timeout)})`,
    );
  return undefined;
}

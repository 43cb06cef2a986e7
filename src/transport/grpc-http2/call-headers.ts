import type { HeaderField } from '../http2/hpack/header-field.ts';
import { GrpcStatus } from '../unary-call.ts';
import { encodeFailure, encodeHttpRefusal } from './responses.ts';

/** What a call's headers tell. */
export interface CallHeaders {
  readonly path: string;
  readonly requestId: string | undefined;
  /** ms */
  readonly timeout: number | undefined;
  readonly isGzip: boolean;
  /** The encoded response of a request that is refused for its headers. */
  readonly refusal: Uint8Array | undefined;
}

const UNIT_IN_MS = new Map([
  ['H', 3_600_000],
  ['M', 60_000],
  ['S', 1000],
  ['m', 1],
  ['u', 1e-3],
  ['n', 1e-6],
]);

/** ms of a grpc-timeout; undefined: not one. */
export function parseTimeout(value: string): number | undefined {
  const unit = UNIT_IN_MS.get(value.slice(-1));
  const amount = value.slice(0, -1);
  return unit === undefined || !/^\d{1,8}$/.test(amount) ? undefined : Number(amount) * unit;
}

export function readCallHeaders(fields: readonly HeaderField[]): CallHeaders {
  const values = new Map<string, string>();
  for (const { name, value } of fields) values.set(name, value);
  const timeout = values.get('grpc-timeout');
  return {
    path: values.get(':path') ?? '',
    requestId: values.get('x-request-id'),
    timeout: timeout === undefined ? undefined : parseTimeout(timeout),
    isGzip: values.get('grpc-encoding') === 'gzip',
    refusal: refusalOf(values),
  };
}

function refusalOf(values: ReadonlyMap<string, string>): Uint8Array | undefined {
  if (values.get(':method') !== 'POST') return encodeHttpRefusal('405', [['allow', 'POST']]);
  if (!/^application\/grpc($|[+;])/.test(values.get('content-type') ?? '')) return encodeHttpRefusal('415', []);
  const encoding = values.get('grpc-encoding') ?? 'identity';
  if (encoding !== 'identity' && encoding !== 'gzip')
    return encodeFailure(GrpcStatus.UNIMPLEMENTED, 'grpc-encoding: expected identity or gzip', [
      ['grpc-accept-encoding', 'identity,gzip'],
    ]);
  const timeout = values.get('grpc-timeout');
  if (timeout !== undefined && parseTimeout(timeout) === undefined)
    return encodeFailure(
      GrpcStatus.INVALID_ARGUMENT,
      'grpc-timeout: expected 1 to 8 digits and one of H, M, S, m, u, n',
    );
  return undefined;
}

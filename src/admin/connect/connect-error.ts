import { fromBinary, toJson } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { RetryInfo } from '../../generated/google/rpc/error_details.ts';
import { Status } from '../../generated/google/rpc/status.ts';
import { getMessageRegistry } from '../methods/message-registry.ts';
import type { ErrorStatus } from '../server/error-status.ts';

const RETRY_INFO = 'google.rpc.RetryInfo';

/** Translates a gRPC status to the error of the Connect protocol. Connect's codes are those of gRPC. */
export function toConnectError({ code, message, details }: ErrorStatus): ConnectError {
  const error = new ConnectError(message, code);
  for (const { typeUrl, value } of Status.decode(details).details) {
    const type = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
    error.details.push({ type, value, ...describeDetail(type, value) });
    if (type === RETRY_INFO) error.metadata.set('retry-after', String(readRetrySeconds(value)));
  }
  return error;
}

/** The detail as JSON, which Connect sends as `debug` for people to read. */
function describeDetail(type: string, value: Uint8Array) {
  const schema = getMessageRegistry().getMessage(type);
  return schema && { debug: toJson(schema, fromBinary(schema, value)) };
}

function readRetrySeconds(value: Uint8Array): number {
  return RetryInfo.decode(value).retryDelay?.seconds ?? 0;
}

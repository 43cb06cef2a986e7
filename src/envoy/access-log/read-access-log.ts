import type { LoggedRequest } from '../../domain/logged-request.ts';
import { RequestMethod } from '../../generated/envoy/config/core/v3/base.ts';
import {
  type AccessLogCommon,
  AccessLogType,
  type HTTPAccessLogEntry,
} from '../../generated/envoy/data/accesslog/v3/accesslog.ts';
import type { StreamAccessLogsMessage } from '../../generated/envoy/service/accesslog/v3/als.ts';
import type { Duration } from '../../generated/google/protobuf/duration.ts';

/** The filter whose dynamic metadata has Weir's answer to Check. */
const EXT_AUTHZ = 'envoy.filters.http.ext_authz';
const MAX_PATH_LENGTH = 1024;
const MAX_TEXT_LENGTH = 256;
/** The largest number that Postgres takes for a bigint and JavaScript represents exactly. */
const MAX_COUNT = Number.MAX_SAFE_INTEGER;
const MAX_STATUS = 999;
/** About 24 days. */
const MAX_DURATION_MS = 2 ** 31 - 1;

const METHOD_NAMES = new Map<number, string>(
  Object.entries(RequestMethod).map(([name, value]) => [value, value === 0 ? 'OTHER' : name]),
);

/** Reads the requests of a message that have ended. `now` is Unix time in ms, for entries without a time. */
export function readAccessLog({ logEntries }: StreamAccessLogsMessage, now: number): readonly LoggedRequest[] {
  return (logEntries?.value.logEntry ?? []).flatMap((entry) => {
    const { commonProperties: common } = entry;
    return common !== undefined && isEnd(common) ? [toLoggedRequest(entry, common, now)] : [];
  });
}

/** Envoy can also report a request at its start and at intervals. Envoys before 1.26 do not say which it is. */
function isEnd({ accessLogType }: AccessLogCommon): boolean {
  return accessLogType === AccessLogType.NotSet || accessLogType === AccessLogType.DownstreamEnd;
}

function toLoggedRequest(
  { request, response }: HTTPAccessLogEntry,
  common: AccessLogCommon,
  now: number,
): LoggedRequest {
  const decision = common.metadata?.filterMetadata[EXT_AUTHZ];
  const [path = ''] = (request?.originalPath || request?.path || '').split(/[?#]/, 1);
  const { address } = common.downstreamRemoteAddress ?? {};
  return {
    timeMs: common.startTime?.getTime() ?? now,
    requestId: toText(request?.requestId),
    accountId: toText(decision?.account) || undefined,
    apiKeyId: toText(decision?.api_key) || undefined,
    planId: toText(decision?.plan) || undefined,
    route: toText(common.routeName),
    method: METHOD_NAMES.get(request?.requestMethod ?? 0) ?? 'OTHER',
    path: toText(path, MAX_PATH_LENGTH),
    status: Math.min(response?.responseCode ?? 0, MAX_STATUS),
    code: toText(decision?.code),
    durationMs: toMilliseconds(common.duration ?? common.timeToLastDownstreamTxByte),
    requestBytes: Math.min(request?.requestBodyBytes ?? 0, MAX_COUNT),
    responseBytes: Math.min(response?.responseBodyBytes ?? 0, MAX_COUNT),
    peer: toText(address?.$case === 'socketAddress' ? address.value.address : ''),
    userAgent: toText(request?.userAgent),
  };
}

function toMilliseconds(duration: Duration | undefined): number {
  const milliseconds = duration === undefined ? 0 : duration.seconds * 1000 + Math.round(duration.nanos / 1_000_000);
  return Math.min(Math.max(milliseconds, 0), MAX_DURATION_MS);
}

/** Clients choose most texts. Postgres takes no text with a NUL, and no half of a surrogate pair. */
function toText(value: unknown, maxLength = MAX_TEXT_LENGTH): string {
  return typeof value === 'string' ? value.slice(0, maxLength).replaceAll('\0', '').toWellFormed() : '';
}

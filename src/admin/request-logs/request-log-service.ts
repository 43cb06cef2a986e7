import { RequestLogEntity } from '../../database/entities/request-log-entity.ts';
import type { Database } from '../../database/open-database.ts';
import { ApiError } from '../../domain/api-error.ts';
import { decodeAccount, encodeAccount } from '../../domain/device.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import type { RequestLog, RequestLogServiceService } from '../../generated/weir/admin/v1/request_log_service.ts';
import { type Authenticate, type Caller, requireAdmin } from '../callers/caller.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { readFilter } from '../lists/list-filter.ts';
import { readPage, splitPage } from '../lists/paging.ts';
import type { Handlers } from '../methods/unary-service.ts';
import { REQUEST_FILTER_FIELDS } from './request-filter.ts';

export interface RequestLogServiceOptions {
  readonly database: Database;
  readonly authenticate: Authenticate;
}

const ALL_ACCOUNTS = 'accounts/-';
const PARENT = /^accounts\/([^/]{1,768})$/;

/** Reads the request log. Administrators read all rows, others those of their own account. */
export function createRequestLogService(options: RequestLogServiceOptions): Handlers<RequestLogServiceService> {
  const { database, authenticate } = options;
  return {
    async listRequestLogs(request, context) {
      const caller = await authenticate(context);
      const violations = new FieldViolations();
      const accountId = readParent(violations, request.parent);
      const { conditions } = readFilter(violations, request.filter, REQUEST_FILTER_FIELDS);
      const page = readPage(violations, { method: 'RequestLogService/ListRequestLogs', ids: 'requestLogs' }, request);
      violations.throwIfAny();
      requireReader(caller, accountId, request.parent);
      const where = {
        $and: [
          page.after === '' ? {} : { id: { $lt: page.after } },
          accountId === undefined ? {} : { accountId },
          ...conditions,
        ],
      };
      const rows = await database.em
        .fork()
        .find(RequestLogEntity, where, { orderBy: { id: 'desc' }, limit: page.size + 1 });
      const { items, nextPageToken } = splitPage(rows, page);
      return { requestLogs: items.map(toRequestLogMessage), nextPageToken };
    },
  };
}

/** The account whose requests are listed; undefined: all of them. */
function readParent(violations: FieldViolations, parent: string): string | undefined {
  if (parent === ALL_ACCOUNTS) return undefined;
  const [, encoded = ''] = PARENT.exec(parent) ?? [];
  const accountId = encoded === '' ? undefined : decodeAccount(encoded);
  // Postgres stores no text with NUL.
  if (accountId?.includes('\0') === false) return accountId;
  violations.add('parent', withFound('must be a resource name of the form accounts/{account}, or accounts/-', parent));
  return undefined;
}

/** Throws unless the caller may read the requests. To other callers, an account does not exist. */
function requireReader(caller: Caller, accountId: string | undefined, parent: string): void {
  if (accountId === undefined) requireAdmin(caller);
  else if (!caller.isAdmin && caller.accountId !== accountId) throw new ApiError({ kind: 'not_found', name: parent });
}

function toRequestLogMessage(row: RequestLogEntity): RequestLog {
  const { createTime, requestId, route, method, path, status, code } = row;
  const { durationMs, requestBytes, responseBytes, peer, userAgent } = row;
  return {
    ...{ createTime, requestId, route, method, path, status, code },
    ...{ durationMs, requestBytes, responseBytes, peer, userAgent },
    account: row.accountId === null ? '' : `accounts/${encodeAccount(row.accountId)}`,
    apiKey: row.apiKeyId === null ? '' : `apiKeys/${row.apiKeyId}`,
    plan: row.planId === null ? '' : `plans/${row.planId}`,
  };
}

import { createQuery, type Database } from '../../database/open-database.ts';
import { type ExportedUsage, type ExportKey, exportUsage, isPeriodClosed } from '../../database/usage/export-usage.ts';
import { invalidArgument } from '../../domain/api-error.ts';
import { parseUsagePeriod } from '../../domain/usage/usage-period.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import {
  type ExportUsageRequest,
  type ExportUsageResponse,
  ExportUsageRequest_Format as Format,
} from '../../generated/weir/admin/v1/usage_service.ts';
import type { Caller } from '../callers/caller.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { CSV_HEADER, formatCsv, formatJson } from './format-export.ts';
import { readUsageParent } from './read-usage-parent.ts';

const DEFAULT_PAGE_SIZE = 1_000;
const MAX_PAGE_SIZE = 5_000;
const KEY_LENGTH = 6;

/** Reads a page of an export. The pages of a closed period are the same each time. */
export async function readExport(
  database: Database,
  request: ExportUsageRequest,
  caller: Caller,
): Promise<ExportUsageResponse> {
  const violations = new FieldViolations();
  const accountId = readUsageParent(violations, request.parent, caller);
  const period = parseUsagePeriod(request.period);
  if (period === undefined) {
    violations.add('period', withFound('must be a month such as 2026-11, or a day such as 2026-11-30', request.period));
  }
  const format = readFormat(violations, request.format);
  if (request.pageSize < 0) violations.add('page_size', withFound('must not be negative', request.pageSize));
  const after = readKey(violations, request.pageToken);
  violations.throwIfAny();
  if (period === undefined) throw new Error('a violation must have been thrown');
  const query = createQuery(database);
  if (!(await isPeriodClosed(query, period))) {
    const expected = 'must be closed: that is about an hour after its end in UTC';
    throw invalidArgument({ field: 'period', description: withFound(expected, request.period) });
  }
  const size = Math.min(request.pageSize === 0 ? DEFAULT_PAGE_SIZE : request.pageSize, MAX_PAGE_SIZE);
  const rows = await exportUsage(query, { accountId, period, after, limit: size + 1 });
  const page = rows.slice(0, size);
  const header = format === formatCsv && after === undefined ? CSV_HEADER : '';
  return {
    content: header + page.map(format).join(''),
    nextPageToken: rows.length > size ? encodeKey(page.at(-1)) : '',
  };
}

function readFormat(violations: FieldViolations, format: Format): (row: ExportedUsage) => string {
  if (format === Format.CSV) return formatCsv;
  if (format !== Format.JSON) violations.add('format', 'must be CSV or JSON');
  return formatJson;
}

function encodeKey(row: ExportedUsage | undefined): string {
  if (row === undefined) return '';
  const { accountId, corrects, keyId, planId, route, recordTime } = row;
  return Buffer.from(JSON.stringify([accountId, corrects, keyId, planId, route, recordTime])).toString('base64url');
}

/** undefined: there is no token, or it is not one. */
function readKey(violations: FieldViolations, token: string): ExportKey | undefined {
  if (token === '') return undefined;
  try {
    const key: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    if (isExportKey(key)) return key;
  } catch {
    // A text that is no JSON is no token either.
  }
  violations.add('page_token', 'must be the next_page_token of a previous response');
  return undefined;
}

function isExportKey(value: unknown): value is ExportKey {
  if (!Array.isArray(value) || value.length !== KEY_LENGTH) return false;
  return value.every((part) => typeof part === 'string' && !part.includes('\0'));
}

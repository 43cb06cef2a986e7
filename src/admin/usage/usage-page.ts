import { hash } from 'node:crypto';
import { USAGE_GROUPS, type UsageRowKey } from '../../database/usage/query-usage.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import type { QueryUsageRequest } from '../../generated/weir/admin/v1/usage_service.ts';
import { isExpressible } from '../fields/common-fields.ts';
import type { FieldViolations } from '../fields/field-violations.ts';

const DEFAULT_PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 1_000;
const DIGEST_LENGTH = 16;

/** A page of the rows of a query. */
export interface UsagePage {
  readonly size: number;
  /** The last row of the previous page; undefined: this is the first one. */
  readonly after: UsageRowKey | undefined;
  /** Identifies the query. */
  readonly digest: string;
}

/** Reads the page of a request. Its token has the key of the last row and a digest of the query. */
export function readUsagePage(violations: FieldViolations, request: QueryUsageRequest): UsagePage {
  const { pageSize, pageToken, ...query } = request;
  if (pageSize < 0) violations.add('page_size', withFound('must not be negative', pageSize));
  const digest = hash('sha256', JSON.stringify(query), 'hex').slice(0, DIGEST_LENGTH);
  const size = Math.min(pageSize === 0 ? DEFAULT_PAGE_SIZE : pageSize, MAX_PAGE_SIZE);
  if (pageToken === '') return { size, after: undefined, digest };
  const parts = decodeToken(pageToken);
  const [tokenDigest, bucket, ...groups] = parts ?? [];
  if (!isBucket(bucket) || groups.length !== USAGE_GROUPS.length || !groups.every(isText)) {
    violations.add('page_token', 'must be the next_page_token of a previous response');
  } else if (tokenDigest !== digest) {
    violations.add('page_token', 'must come from the same query: only page_size may change between pages');
  } else {
    const [apiKeyId = '', route = '', planId = '', outcome = ''] = groups;
    return { size, after: { bucket, apiKeyId, route, planId, outcome }, digest };
  }
  return { size, after: undefined, digest };
}

/** The token of the page after a row. */
export function nextUsagePage({ digest }: UsagePage, last: UsageRowKey | undefined): string {
  if (last === undefined) return '';
  const { bucket, apiKeyId, route, planId, outcome } = last;
  return Buffer.from(JSON.stringify([digest, bucket, apiKeyId, route, planId, outcome])).toString('base64url');
}

/** undefined: it is not a token. */
function decodeToken(token: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isBucket(value: unknown): value is number {
  return typeof value === 'number' && isExpressible(new Date(value));
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && !value.includes('\0');
}

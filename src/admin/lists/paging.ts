import { hash } from 'node:crypto';
import { withFound } from '../../domain/validation/found-value.ts';
import type { FieldViolations } from '../fields/field-violations.ts';
import { type Collection, isResourceId } from '../fields/resource-names.ts';

const DEFAULT_PAGE_SIZE = 100;
const MAX_PAGE_SIZE = 1_000;
/** Of the digest that tells lists apart. It protects nothing: each request checks again what its caller may see. */
const DIGEST_LENGTH = 16;

/**
 * A page of a list that is sorted by id. Its token is the base64url of the id that it starts after and `tokenSuffix`.
 */
export interface Page {
  readonly size: number;
  /** The last id of the previous page; empty for the first page. */
  readonly after: string;
  /** Identifies the list by a digest of its method and of what it selects. */
  readonly tokenSuffix: string;
}

/** The fields of a list request that say which items it lists. Lists without a filter have only the first two. */
interface ListRequest {
  readonly pageSize: number;
  readonly pageToken: string;
  readonly filter?: string;
  readonly showDeleted?: boolean;
  /** The resource whose children are listed. */
  readonly parent?: string;
}

interface List {
  /** The method that lists, such as `PlanService/ListPlans`. */
  readonly method: string;
  /** The collection of the listed items, or whether a text is the id of a row. */
  readonly ids: Collection | ((id: string) => boolean);
}

/** Reads the page that a request asks for. Adds a violation for a token that another list has returned. */
export function readPage(
  violations: FieldViolations,
  { method, ids }: List,
  { pageSize, pageToken, filter = '', showDeleted = false, parent = '' }: ListRequest,
): Page {
  if (pageSize < 0) violations.add('page_size', withFound('must not be negative', pageSize));
  const [after = '', ...rest] = Buffer.from(pageToken, 'base64url').toString().split(' ');
  const selection = JSON.stringify([method, filter, showDeleted, parent]);
  const tokenSuffix = ` ${hash('sha256', selection, 'hex').slice(0, DIGEST_LENGTH)}`;
  const isId = typeof ids === 'string' ? isResourceId(ids, after) : ids(after);
  if (pageToken !== '' && !isId) {
    violations.add('page_token', 'must be the next_page_token of a previous response');
  } else if (pageToken !== '' && [after, ...rest].join(' ') !== after + tokenSuffix) {
    violations.add('page_token', 'must come from the same list: only page_size may change between pages');
  }
  return { size: Math.min(pageSize === 0 ? DEFAULT_PAGE_SIZE : pageSize, MAX_PAGE_SIZE), after, tokenSuffix };
}

/** The items of a page out of up to `page.size + 1` rows. The additional row shows that there is a next page. */
export function splitPage<T extends { readonly id: string }>(rows: readonly T[], page: Page) {
  const hasNext = rows.length > page.size;
  const items = rows.slice(0, page.size);
  const nextPageToken = hasNext ? Buffer.from((items.at(-1)?.id ?? '') + page.tokenSuffix).toString('base64url') : '';
  return { items, nextPageToken };
}

import { joinConditions, quoteFilterValue } from '../../format/resource-names.ts';
import { readShown, writeShownCondition } from './shown-requests.ts';

/** Filters of the page, by their names in its URL. */
export const LIVE_FILTERS = ['show', 'account', 'apiKey', 'route', 'code'] as const;

export type LiveFilters = Readonly<Record<(typeof LIVE_FILTERS)[number], string>>;

/** Writes the filter of ListRequestLogs. The account is not in it: it is the parent. */
export function writeLiveFilter({ show, apiKey, route, code }: LiveFilters, since: Date): string {
  return joinConditions([
    // Bounds how much of the log each poll reads.
    `create_time > "${since.toISOString()}"`,
    code === '' ? writeShownCondition(readShown(show)) : `code = ${quoteFilterValue(code)}`,
    apiKey === '' ? '' : `api_key = ${quoteFilterValue(`apiKeys/${apiKey.replace(/^apiKeys\//, '')}`)}`,
    route === '' ? '' : `route = ${quoteFilterValue(route)}`,
  ]);
}

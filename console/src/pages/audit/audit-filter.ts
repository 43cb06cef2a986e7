import { joinConditions, quoteFilterValue } from '../../format/resource-names.ts';

/** Filters of the page, by their names in its URL. */
export const AUDIT_FILTERS = ['result', 'resource', 'actor', 'method', 'since'] as const;

export type AuditFilters = Readonly<Record<(typeof AUDIT_FILTERS)[number], string>>;

const PACKAGE = 'weir.admin.v1.';

/** Writes the filter of ListAuditEvents. `since` is a day in the viewer's time zone, such as `2026-11-30`. */
export function writeAuditFilter({ result, resource, actor, method, since }: AuditFilters): string {
  const fullMethod = method.includes('/') && !method.startsWith(PACKAGE) ? PACKAGE + method : method;
  return joinConditions([
    result === 'changes' ? 'result = OK' : '',
    result === 'refused' ? 'result != OK' : '',
    resource === '' ? '' : `resource = ${quoteFilterValue(resource)}`,
    actor === '' ? '' : `actor = ${quoteFilterValue(actor)}`,
    method === '' ? '' : `method = ${quoteFilterValue(fullMethod)}`,
    since === '' ? '' : `create_time >= "${new Date(`${since}T00:00`).toISOString()}"`,
  ]);
}

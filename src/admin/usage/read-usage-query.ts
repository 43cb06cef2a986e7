import { OUTCOME_NAMES, type UsageGroup, type UsageQuery } from '../../database/usage/query-usage.ts';
import { canonicalTimeZone } from '../../domain/counting/calendar-period.ts';
import { countBuckets, HOUR_MS, type UsageStep } from '../../domain/usage/usage-ranges.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import {
  QueryUsageRequest_GroupBy as GroupBy,
  type QueryUsageRequest,
  QueryUsageRequest_Step as Step,
} from '../../generated/weir/admin/v1/usage_service.ts';
import type { Caller } from '../callers/caller.ts';
import { readTime } from '../fields/common-fields.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { type FilterField, filterById, filterByText, readFilter } from '../lists/list-filter.ts';
import { readUsageParent } from './read-usage-parent.ts';
import { readUsagePage, type UsagePage } from './usage-page.ts';

const MAX_BUCKETS = 10_000;
/** The start of the last hour that RFC 3339 can express, and so Postgres in its form. */
const LAST_HOUR = Date.UTC(9999, 11, 31, 23);

type Condition = UsageQuery['where'][number];

const STEPS: Readonly<Partial<Record<Step, UsageStep>>> = {
  [Step.HOUR]: 'hour',
  [Step.DAY]: 'day',
  [Step.MONTH]: 'month',
};

const GROUPS: Readonly<Partial<Record<GroupBy, UsageGroup>>> = {
  [GroupBy.API_KEY]: 'apiKeyId',
  [GroupBy.ROUTE]: 'route',
  [GroupBy.PLAN]: 'planId',
  [GroupBy.OUTCOME]: 'outcome',
};

const FILTER_FIELDS: Readonly<Record<string, FilterField<Condition>>> = {
  api_key: filterById('api_key', 'apiKeys', (value) => ({ group: 'apiKeyId', value })),
  route: filterByText((value) => ({ group: 'route', value })),
  plan: filterById('plan', 'plans', (value) => ({ group: 'planId', value })),
  outcome: {
    operators: ['='],
    toCondition({ value }, violations) {
      if (Object.hasOwn(OUTCOME_NAMES, value)) return { group: 'outcome', value };
      const names = Object.keys(OUTCOME_NAMES).join(', ');
      violations.add('filter', withFound(`must compare outcome with one of ${names}`, value));
      return undefined;
    },
  },
};

/** Reads a request. Throws `invalid` with all of its faults, or `not_found` for the account of somebody else. */
export function readUsageQuery(
  request: QueryUsageRequest,
  caller: Caller,
): { readonly usage: Omit<UsageQuery, 'limit'>; readonly page: UsagePage } {
  const violations = new FieldViolations();
  const accountId = readUsageParent(violations, request.parent, caller);
  const times = readTimes(violations, request);
  const groupBy = readGroups(violations, request.groupBy);
  const { conditions } = readFilter(violations, request.filter, FILTER_FIELDS);
  const page = readUsagePage(violations, request);
  violations.throwIfAny();
  return { usage: { ...times, accountId, groupBy, where: conditions, after: page.after }, page };
}

function readTimes(
  violations: FieldViolations,
  request: QueryUsageRequest,
): Pick<UsageQuery, 'from' | 'to' | 'step' | 'isUtc' | 'timeZone'> {
  const timeZone = request.timeZone === '' ? 'UTC' : canonicalTimeZone(request.timeZone);
  if (timeZone === undefined) {
    const expected = 'must be the name of a time zone in the IANA database, such as UTC or Europe/Berlin';
    violations.add('time_zone', withFound(expected, request.timeZone));
  }
  const step = STEPS[request.step];
  if (step === undefined) violations.add('step', 'must be one of HOUR, DAY, MONTH');
  const start = readTime(violations, 'start_time', request.startTime)?.getTime();
  const end = readTime(violations, 'end_time', request.endTime)?.getTime();
  if (start === undefined) violations.add('start_time', 'must be set');
  if (end === undefined) violations.add('end_time', 'must be set');
  const times = {
    from: Math.floor((start ?? 0) / HOUR_MS) * HOUR_MS,
    to: Math.min(Math.ceil((end ?? 0) / HOUR_MS) * HOUR_MS, LAST_HOUR),
    step: step ?? 'hour',
    isUtc: timeZone === 'UTC',
    timeZone: timeZone ?? 'UTC',
  };
  if (start === undefined || end === undefined) return times;
  if (end <= start) violations.add('end_time', 'must be after start_time');
  const buckets = countBuckets(times);
  if (buckets > MAX_BUCKETS) {
    violations.add('step', withFound(`must split the time range into at most ${MAX_BUCKETS} buckets`, buckets));
  }
  return times;
}

function readGroups(violations: FieldViolations, groups: readonly GroupBy[]): ReadonlySet<UsageGroup> {
  const found = groups.map((group) => GROUPS[group]);
  if (found.includes(undefined)) violations.add('group_by', 'must be one of API_KEY, ROUTE, PLAN, OUTCOME');
  return new Set(found.filter((group) => group !== undefined));
}

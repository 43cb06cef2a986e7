import type { FilterQuery } from '@mikro-orm/postgresql';
import type { RequestLogEntity } from '../../database/entities/request-log-entity.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import {
  COMPARISONS,
  type FilterField,
  filterById,
  filterByText,
  filterByTextOrOthers,
  filterByTime,
} from '../lists/list-filter.ts';

type Condition = FilterQuery<RequestLogEntity>;

const STATUS_OPERATORS = { '=': '$eq', ...COMPARISONS } as const;

/** The fields of ListRequestLogs' filter. Those without an index of their own are checked in the order of the list. */
export const REQUEST_FILTER_FIELDS: Readonly<Record<string, FilterField<Condition>>> = {
  request_id: filterByText((requestId) => ({ requestId })),
  api_key: filterById('api_key', 'apiKeys', (apiKeyId) => ({ apiKeyId })),
  status: {
    operators: Object.keys(STATUS_OPERATORS),
    toCondition({ operator, value }, violations) {
      if (/^\d{1,3}$/.test(value)) {
        const name = STATUS_OPERATORS[operator as keyof typeof STATUS_OPERATORS]; // one of `operators`
        return { status: { [name]: Number(value) } };
      }
      violations.add('filter', withFound('must compare status with a number of up to three digits', value));
      return undefined;
    },
  },
  route: filterByText((route) => ({ route })),
  method: filterByText((method) => ({ method })),
  code: filterByTextOrOthers((code) => ({ code })),
  create_time: filterByTime('create_time', ({ condition }) => ({ createTime: condition })),
};

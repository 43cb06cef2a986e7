import type { FilterQuery } from '@mikro-orm/postgresql';
import type { AccountEntity } from '../../database/entities/account-entity.ts';
import {
  type FilterField,
  filterByChoice,
  filterById,
  filterByTime,
  searchBeginningOrEnd,
} from '../lists/list-filter.ts';

type Condition = FilterQuery<AccountEntity>;

/** The fields of ListAccounts' filter. Each has an index, so that a filter on a million accounts reads only a few. */
export const ACCOUNT_FILTER_FIELDS: Readonly<Record<string, FilterField<Condition>>> = {
  email: {
    operators: ['=', ':'],
    toCondition({ value, operator }, violations) {
      const email = value.toLowerCase();
      if (operator === ':') return searchBeginningOrEnd(violations, 'email', email);
      return { email: email === '' ? null : email };
    },
  },
  plan: filterById('plan', 'plans', (planId) => ({ planId })),
  role: filterByChoice('role', ['admin', 'user'], (role) => ({ role })),
  disabled: filterByChoice('disabled', ['true', 'false'], (disabled) => ({ disabled: disabled === 'true' })),
  email_verified: filterByChoice('email_verified', ['true', 'false'], (verified) => ({
    emailVerified: verified === 'true',
  })),
  create_time: filterByTime('create_time', ({ condition }) => ({ createTime: condition })),
  last_sign_in_time: filterByTime<Condition>('last_sign_in_time', ({ condition }) => ({ lastSignInTime: condition }), {
    lastSignInTime: null,
  }),
};

import { raw } from '@mikro-orm/core';
import type { FilterQuery } from '@mikro-orm/postgresql';
import type { ApiKeyEntity } from '../../database/entities/api-key-entity.ts';
import type { Restriction } from '../../domain/filter.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import type { FieldViolations } from '../fields/field-violations.ts';
import {
  escapeLike,
  type FilterField,
  filterByChoice,
  filterByDay,
  filterById,
  filterByTime,
  searchBeginningOrEnd,
} from '../lists/list-filter.ts';
import { Search } from '../lists/search.ts';

type Condition = FilterQuery<ApiKeyEntity>;

/** Postgres accepts no longer word in a tsquery. Display names have none that is as long. */
const MAX_WORD_BYTES = 2_046;

/** Separators of words: all of ASCII except letters and digits. words_of() in Postgres splits in the same way. */
const WORD_SEPARATORS = /[\0-/:-@[-`{-\x7f]+/;

const OWN_PLAN = filterById('plan', 'plans', (planId) => ({ planId }));

/** The fields of ListApiKeys' filter. Each has an index, so that a filter on a million keys reads only a few of them. */
export const API_KEY_FILTER_FIELDS: Readonly<Record<string, FilterField<Condition>>> = {
  account: filterById('account', 'accounts', (accountId) => ({ accountId })),
  plan: {
    operators: ['='],
    toCondition(restriction, violations) {
      return restriction.value === '' ? { planId: null } : OWN_PLAN.toCondition(restriction, violations);
    },
  },
  disabled: filterByChoice('disabled', ['true', 'false'], (disabled) => ({ disabled: disabled === 'true' })),
  display_name: { operators: [':'], toCondition: toWordsSearch },
  hint: {
    operators: ['=', ':'],
    toCondition({ value, operator }, violations) {
      return operator === '=' ? { hint: value } : searchBeginningOrEnd(violations, 'hint', value);
    },
  },
  create_time: filterByTime('create_time', ({ condition }) => ({ createTime: condition })),
  // The time that responses show. Keys that do not expire match no comparison.
  expire_time: filterByTime('expire_time', ({ condition }) => ({
    [raw('least(expire_time, overlap_end_time)')]: condition,
  })),
  last_used_time: filterByDay<Condition>('last_used_time', (day, time) => ({ lastUsedDay: day, lastUsedTime: time }), {
    lastUsedDay: null,
    lastUsedTime: null,
  }),
};

/** Matches display names in which each word of the value starts a word. */
function toWordsSearch({ value }: Restriction, violations: FieldViolations): Search | undefined {
  const words = value.split(WORD_SEPARATORS).filter((word) => word !== '');
  if (words.length === 0) {
    violations.add('filter', withFound('must search display_name for at least one letter or digit', value));
    return undefined;
  }
  // Quoting is safe: the split has removed all characters that a tsquery gives a meaning to, quotes and backslashes
  // included.
  if (words.some((word) => Buffer.byteLength(word.toLowerCase()) > MAX_WORD_BYTES)) {
    violations.add('filter', `must search display_name for words of at most ${MAX_WORD_BYTES} bytes in UTF-8`);
    return undefined;
  }
  const lowerCase = words.map((word) => word.toLowerCase());
  const query = lowerCase.map((word) => `'${word}':*`).join(' & ');
  const sql = 'words_of(display_name) @@ ?::tsquery';
  // Splitting a name into words is slow. Most names are ruled out before, as they do not contain the texts. `is true`
  // keeps Postgres from using the index.
  const contains = lowerCase.map(() => 'lower(display_name) like ? and ');
  return new Search(
    { sql, parameters: [query] },
    {
      sql: `(${contains.join('')}${sql}) is true`,
      parameters: [...lowerCase.map((word) => `%${escapeLike(word)}%`), query],
    },
  );
}

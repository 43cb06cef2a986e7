import { raw } from '@mikro-orm/core';
import type { FilterQuery } from '@mikro-orm/postgresql';
import type { ApiKeyEntity } from '../../database/entities.ts';
import { parseFilter, type Restriction } from '../../domain/filter.ts';
import { withFound } from '../../domain/found-value.ts';
import type { FieldViolations } from '../shared/field-violations.ts';
import { type Collection, parseResourceName } from '../shared/resource-names.ts';

type Condition = FilterQuery<ApiKeyEntity>;

interface FilterField {
  readonly operators: readonly string[];
  /** Adds a violation and returns undefined if the value is invalid. */
  toCondition(restriction: Restriction, violations: FieldViolations): Condition | undefined;
}

const COMPARISONS = { '<': '$lt', '<=': '$lte', '>': '$gt', '>=': '$gte' } as const;

/** A time of RFC 3339. Date.parse accepts this form and many others. */
const RFC_3339_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i;

/** Separators of words: all of ASCII except letters and digits. words_of() in Postgres splits in the same way. */
const WORD_SEPARATORS = /[\0-/:-@[-`{-\x7f]+/;

/** Each field has an index (Migration20261121020000), so that a filter on a million keys reads only a few of them. */
const FIELDS: Readonly<Record<string, FilterField>> = {
  account: {
    operators: ['='],
    toCondition: ({ value }, violations) => {
      const accountId = readId('account', 'accounts', value, violations);
      return accountId === undefined ? undefined : { accountId };
    },
  },
  plan: {
    operators: ['='],
    toCondition: ({ value }, violations) => {
      if (value === '') return { planId: null };
      const planId = readId('plan', 'plans', value, violations);
      return planId === undefined ? undefined : { planId };
    },
  },
  disabled: {
    operators: ['='],
    toCondition({ value }, violations) {
      if (value === 'true' || value === 'false') return { disabled: value === 'true' };
      violations.add('filter', withFound('must compare disabled with true or false', value));
      return undefined;
    },
  },
  display_name: { operators: [':'], toCondition: toWordsCondition },
  expire_time: { operators: Object.keys(COMPARISONS), toCondition: toExpiryCondition },
};

/** The conditions of a filter of ListApiKeys. A key must meet all of them. The proto describes the filter language. */
export function buildFilterConditions(filter: string, violations: FieldViolations): readonly Condition[] {
  const restrictions = parseFilter(filter);
  if ('fault' in restrictions) {
    violations.add('filter', restrictions.fault);
    return [];
  }
  return restrictions.flatMap((restriction) => {
    const name = restriction.field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (field === undefined) {
      const names = Object.keys(FIELDS).join(', ');
      violations.add('filter', withFound(`must filter by one of ${names}`, restriction.field));
      return [];
    }
    if (!field.operators.includes(restriction.operator)) {
      const operators = field.operators.length === 1 ? field.operators[0] : `one of ${field.operators.join(' ')}`;
      violations.add('filter', withFound(`must compare ${name} with ${operators}`, restriction.operator));
      return [];
    }
    return field.toCondition(restriction, violations) ?? [];
  });
}

function readId(field: string, collection: Collection, value: string, violations: FieldViolations): string | undefined {
  const id = parseResourceName(collection, value);
  if (id === undefined) violations.add('filter', withFound(`must compare ${field} with ${collection}/{id}`, value));
  return id;
}

/** Matches display names in which each word of the value starts a word. */
function toWordsCondition({ value }: Restriction, violations: FieldViolations): Condition | undefined {
  const words = value.split(WORD_SEPARATORS).filter((word) => word !== '');
  if (words.length === 0) {
    violations.add('filter', withFound('must search display_name for at least one letter or digit', value));
    return undefined;
  }
  // One value for all words, so that Postgres knows which words are rare before it plans the query. Quoting is safe:
  // the split has removed all characters that a tsquery gives a meaning to, quotes and backslashes included.
  const query = words.map((word) => `'${word.toLowerCase()}':*`).join(' & ');
  return { [raw('words_of(display_name) @@ ?::tsquery', [query])]: [] };
}

/** Compares the `expire_time` that responses show. Keys that do not expire match no comparison. */
function toExpiryCondition({ value, operator }: Restriction, violations: FieldViolations): Condition | undefined {
  const comparison = COMPARISONS[operator as keyof typeof COMPARISONS]; // the field's operators are exactly these
  const time = new Date(RFC_3339_TIME.test(value) ? value : Number.NaN);
  if (Number.isNaN(time.getTime())) {
    violations.add('filter', withFound('must compare expire_time with a time such as "2030-01-31T00:00:00Z"', value));
    return undefined;
  }
  return { [raw('least(expire_time, overlap_end_time)')]: { [comparison]: time } };
}

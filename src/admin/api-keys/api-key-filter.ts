import { raw } from '@mikro-orm/core';
import type { FilterQuery } from '@mikro-orm/postgresql';
import type { ApiKeyEntity } from '../../database/entities.ts';
import { parseFilter, type Restriction } from '../../domain/filter.ts';
import { quoteName } from '../../domain/quote-name.ts';
import type { FieldViolations } from '../shared/field-violations.ts';

type Where = FilterQuery<ApiKeyEntity>;

interface FilterField {
  readonly operators: readonly string[];
  /** Undefined where the value is a fault. */
  where(restriction: Restriction, faults: FieldViolations): Where | undefined;
}

const COMPARISONS = { '<': '$lt', '<=': '$lte', '>': '$gt', '>=': '$gte' } as const;

/** RFC 3339, which Date.parse reads among much else. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i;

/** Each is answered by an index (Migration20261121020000), so that a filter on a million keys reads few of them. */
const FIELDS: Readonly<Record<string, FilterField>> = {
  account: {
    operators: ['='],
    where: ({ value }, faults) => ({ accountId: faults.idOf('accounts', 'filter', value) }),
  },
  plan: {
    operators: ['='],
    where: ({ value }, faults) => ({ planId: value === '' ? null : faults.idOf('plans', 'filter', value) }),
  },
  disabled: {
    operators: ['='],
    where({ value }, faults) {
      if (value === 'true' || value === 'false') return { disabled: value === 'true' };
      faults.add('filter', 'must compare disabled with true or false');
      return undefined;
    },
  },
  display_name: { operators: [':'], where: whereWords },
  expire_time: { operators: Object.keys(COMPARISONS), where: whereEnd },
};

/** What a filter of ListApiKeys asks for, beside what the caller may see. Its language is told in the proto. */
export function buildFilterConditions(filter: string, faults: FieldViolations): readonly Where[] {
  const restrictions = parseFilter(filter);
  if ('fault' in restrictions) {
    faults.add('filter', restrictions.fault);
    return [];
  }
  return restrictions.flatMap((restriction) => {
    const name = restriction.field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const field = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (field === undefined) {
      const names = Object.keys(FIELDS).join(', ');
      faults.add('filter', `cannot filter by ${quoteName(restriction.field)}; what it can filter by is ${names}`);
      return [];
    }
    if (!field.operators.includes(restriction.operator)) {
      faults.add('filter', `cannot compare ${name} by ${restriction.operator}, only by ${field.operators.join(' ')}`);
      return [];
    }
    return field.where(restriction, faults) ?? [];
  });
}

/** By the words that words_of() finds: each of these begins one of them. */
function whereWords({ value }: Restriction, faults: FieldViolations): Where | undefined {
  const words = value.split(/[\0-/:-@[-`{-\x7f]+/).filter((word) => word !== '');
  if (words.length === 0) {
    faults.add('filter', 'must look in display_name for a letter or digit at least');
    return undefined;
  }
  // One value, so that Postgres can tell rare words from common ones before it plans. No word holds what a tsquery would
  // read as more than text, quotes and backslashes among it.
  const query = words.map((word) => `'${word.toLowerCase()}':*`).join(' & ');
  return { [raw('words_of(display_name) @@ ?::tsquery', [query])]: [] };
}

/** By what a key is shown with as its expire_time; keys that do not expire are in no comparison. */
function whereEnd({ value, operator }: Restriction, faults: FieldViolations): Where | undefined {
  const comparison = COMPARISONS[operator as keyof typeof COMPARISONS]; // its operators are these
  const time = new Date(TIME.test(value) ? value : Number.NaN);
  if (Number.isNaN(time.getTime())) {
    faults.add('filter', `must compare expire_time with a time as in "2030-01-31T00:00:00Z"`);
    return undefined;
  }
  return { [raw('least(expire_time, overlap_end_time)')]: { [comparison]: time } };
}

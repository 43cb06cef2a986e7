import { parseFilter, type Restriction } from '../../domain/filter.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import { isExpressible } from '../fields/common-fields.ts';
import type { FieldViolations } from '../fields/field-violations.ts';
import { type Collection, parseResourceName } from '../fields/resource-names.ts';
import { Search } from './search.ts';

/** A field that a list can be filtered by, and the condition of the ORM that a restriction of it stands for. */
export interface FilterField<Condition> {
  readonly operators: readonly string[];
  /** Adds a violation and returns undefined if the value is invalid. */
  toCondition(restriction: Restriction, violations: FieldViolations): Condition | Search | undefined;
}

/** Operators of the ORM that compare by order. */
export const COMPARISONS = { '<': '$lt', '<=': '$lte', '>': '$gt', '>=': '$gte' } as const;

/** A time of RFC 3339. Date.parse accepts this form and many others. */
const RFC_3339_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i;

/** A filter that was read. Rows match it if they meet all conditions of the ORM and all searches. */
export interface ListFilter<Condition> {
  readonly conditions: readonly Condition[];
  readonly searches: readonly Search[];
  /** Whether Postgres can estimate how many rows match: there is no condition, or one with `=`. */
  readonly isPredictable: boolean;
}

/**
 * Reads the `filter` of a list request. `fields` are the fields of the filter in snake_case. The protos describe the filter
 * language.
 */
export function readFilter<Condition>(
  violations: FieldViolations,
  filter: string,
  fields: Readonly<Record<string, FilterField<Condition>>>,
): ListFilter<Condition> {
  const conditions: Condition[] = [];
  const searches: Search[] = [];
  const parsed = parseFilter(filter);
  const restrictions = 'fault' in parsed ? [] : parsed;
  if ('fault' in parsed) violations.add('filter', parsed.fault);
  for (const restriction of restrictions) {
    const condition = findField(violations, restriction, fields)?.toCondition(restriction, violations);
    if (condition instanceof Search) searches.push(condition);
    else if (condition !== undefined) conditions.push(condition);
  }
  const isPredictable = restrictions.length <= 1 && restrictions.every(({ operator }) => operator === '=');
  return { conditions, searches, isPredictable };
}

/** The field of a restriction. Adds a violation and returns undefined if there is none, or not with its operator. */
function findField<Condition>(
  violations: FieldViolations,
  restriction: Restriction,
  fields: Readonly<Record<string, FilterField<Condition>>>,
): FilterField<Condition> | undefined {
  const name = restriction.field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (field === undefined) {
    const names = Object.keys(fields).join(', ');
    violations.add('filter', withFound(`must filter by one of ${names}`, restriction.field));
    return undefined;
  }
  if (field.operators.includes(restriction.operator)) return field;
  const operators = field.operators.length === 1 ? field.operators[0] : `one of ${field.operators.join(' ')}`;
  violations.add('filter', withFound(`must compare ${name} with ${operators}`, restriction.operator));
  return undefined;
}

/** A field that is compared with a resource name. `toCondition` gets the id. */
export function filterById<Condition>(
  field: string,
  collection: Collection,
  toCondition: (id: string) => Condition,
): FilterField<Condition> {
  return {
    operators: ['='],
    toCondition({ value }, violations) {
      const id = parseResourceName(collection, value);
      if (id !== undefined) return toCondition(id);
      violations.add('filter', withFound(`must compare ${field} with ${collection}/{id}`, value));
      return undefined;
    },
  };
}

/** A field that is compared with a text, which `toCondition` gets. */
export function filterByText<Condition>(toCondition: (value: string) => Condition): FilterField<Condition> {
  return { operators: ['='], toCondition: ({ value }) => toCondition(value) };
}

/** A field that has a text, or has another one. `toCondition` gets the condition of the ORM. */
export function filterByTextOrOthers<Condition>(
  toCondition: (condition: string | { readonly $ne: string }) => Condition,
): FilterField<Condition> {
  return {
    operators: ['=', '!='],
    toCondition: ({ operator, value }) => toCondition(operator === '=' ? value : { $ne: value }),
  };
}

/** A field that is compared with one of two values. */
export function filterByChoice<Condition, Choice extends string>(
  field: string,
  choices: readonly [Choice, Choice],
  toCondition: (choice: Choice) => Condition,
): FilterField<Condition> {
  return {
    operators: ['='],
    toCondition({ value }, violations) {
      const choice = choices.find((each) => each === value);
      if (choice !== undefined) return toCondition(choice);
      violations.add('filter', withFound(`must compare ${field} with ${choices.join(' or ')}`, value));
      return undefined;
    },
  };
}

/** How a time of a row must compare with another one: `condition` is that of the ORM. */
interface TimeComparison {
  readonly operator: string;
  readonly time: Date;
  readonly condition: Readonly<Record<string, Date>>;
}

/** A field that is compared with a time. With `absent`, `= ""` selects the rows that have no such time. */
export function filterByTime<Condition>(
  field: string,
  toCondition: (comparison: TimeComparison) => Condition,
  absent?: Condition,
): FilterField<Condition> {
  return {
    operators: [...(absent === undefined ? [] : ['=']), ...Object.keys(COMPARISONS)],
    toCondition({ value, operator }, violations) {
      if (operator === '=') {
        if (value !== '') violations.add('filter', withFound(`must compare ${field} by = only with ""`, value));
        return absent;
      }
      const comparison = COMPARISONS[operator as keyof typeof COMPARISONS]; // one of `operators`
      const time = new Date(RFC_3339_TIME.test(value) ? value : Number.NaN);
      if (isExpressible(time)) return toCondition({ operator, time, condition: { [comparison]: time } });
      violations.add('filter', withFound(`must compare ${field} with a time such as "2030-01-31T00:00:00Z"`, value));
      return undefined;
    },
  };
}

/**
 * A field that is compared with a time, for times that change too often for an index. `toCondition` gets two conditions of
 * the ORM: one for the day in UTC, a column with an index, and one for the time, which decides within the day.
 */
export function filterByDay<Condition>(
  field: string,
  toCondition: (day: Readonly<Record<string, string>>, time: Readonly<Record<string, Date>>) => Condition,
  absent: Condition,
): FilterField<Condition> {
  return filterByTime(
    field,
    ({ operator, time, condition }) => {
      const day = time.toISOString().slice(0, 'yyyy-mm-dd'.length);
      return toCondition(operator.startsWith('<') ? { $lte: day } : { $gte: day }, condition);
    },
    absent,
  );
}

/**
 * Matches texts that begin or end with the value. Needs indexes with text_pattern_ops on the column and on its reverse.
 * Adds a violation and returns undefined if the value is empty.
 */
export function searchBeginningOrEnd(violations: FieldViolations, column: string, value: string): Search | undefined {
  if (value === '') {
    violations.add('filter', `must search ${column} for at least one character`);
    return undefined;
  }
  // Postgres reverses characters and not UTF-16 code units. Spreading a text splits it into characters.
  const reversed = [...value].reverse().join('');
  const indexed = {
    sql: `(${column} like ? or reverse(${column}) like ?)`,
    parameters: [`${escapeLike(value)}%`, `${escapeLike(reversed)}%`],
  };
  // An expression that no index has.
  const tested = {
    sql: `(${column} || '' like ? or ${column} || '' like ?)`,
    parameters: [`${escapeLike(value)}%`, `%${escapeLike(value)}`],
  };
  return new Search(indexed, tested);
}

/** Quotes the characters that have a meaning in a pattern of LIKE. */
export function escapeLike(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}

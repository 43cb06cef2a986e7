import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NONE } from '../../collections/hash-index.ts';
import { SubjectTable } from './subject-table.ts';

const long = 'x'.repeat(510);
const subjects = fc.oneof(
  fc.constantFrom('', 'a', 'rule|edge|remote_address|203.0.113.7', 'ü', '中', '\u{1f600}', 'ab', 'a\0'),
  fc.constantFrom(
    long,
    `${long}xx`,
    `${long}xxx`,
    `${long}xxxxx`,
    `${long}ü`,
    `${long}üü`,
    `${long}中`,
    long.repeat(200),
  ),
  fc.string({ maxLength: 3 }),
  fc.string({ unit: 'binary', maxLength: 600 }),
);
const steps = fc.record({
  limitId: fc.constantFrom(1, 2, 77, 2 ** 30),
  subject: subjects,
  value: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  removes: fc.boolean(),
});

/** Returns the values of all subjects in the table, in ascending order. */
function collectValues(table: SubjectTable): number[] {
  const values: number[] = [];
  for (let record = table.after(NONE); record !== NONE; record = table.after(record)) {
    if (table.limitIdAt(record) !== 0) values.push(table.valueAt(record));
  }
  return values.toSorted((one, other) => one - other);
}

describe('a table of subjects', () => {
  it('finds the value of each subject within its limit, through any additions and removals', () => {
    const property = fc.property(fc.array(steps, { maxLength: 60, size: 'max' }), (trace) => {
      const table = new SubjectTable();
      const expected = new Map<string, number>();
      for (const { limitId, subject, value, removes } of trace) {
        const record = table.find(limitId, subject);
        const key = `${limitId} ${subject}`;
        expect(record === NONE).toBe(!expected.has(key));
        if (record === NONE) {
          table.add(limitId, subject, value);
          expected.set(key, value);
          continue;
        }
        expect([table.valueAt(record), table.limitIdAt(record)]).toEqual([expected.get(key), limitId]);
        if (removes) table.remove(record);
        else table.setValueAt(record, value);
        if (removes) expected.delete(key);
        else expected.set(key, value);
      }
      expect(collectValues(table)).toEqual([...expected.values()].toSorted((one, other) => one - other));
    });
    fc.assert(property, { numRuns: 1000 });
  });

  it('takes at most half a kilobyte for a subject of any length', () => {
    const table = new SubjectTable();
    for (let value = 0; value < 1000; value++) table.add(1, `${value}${'x'.repeat(100_000)}`, value);
    expect(table.find(1, `7${'x'.repeat(100_000)}`)).not.toBe(NONE);
    expect(table.bytes).toBe(1 << 20);
  });
});

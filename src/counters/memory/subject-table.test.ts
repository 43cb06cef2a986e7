import fc from 'fast-check';
import { expect, it } from 'vitest';
import { NONE } from '../../collections/hash-index.ts';
import { SubjectTable } from './subject-table.ts';

const long = 'x'.repeat(510);
const subject = fc.oneof(
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
const step = fc.record({
  family: fc.constantFrom(1, 2, 77, 2 ** 30),
  subject,
  kept: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  removes: fc.boolean(),
});

it('finds what was kept for a subject of a family, whatever came and went', () => {
  const property = fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
    const table = new SubjectTable();
    const expected = new Map<string, number>();
    for (const { family, subject: asked, kept, removes } of steps) {
      const place = table.find(family, asked);
      const name = `${family} ${asked}`;
      expect(place === NONE).toBe(!expected.has(name));
      if (place === NONE) {
        table.add(family, asked, kept);
        expected.set(name, kept);
        continue;
      }
      expect([table.keptAt(place), table.familyAt(place)]).toEqual([expected.get(name), family]);
      if (removes) table.remove(place);
      else table.keepAt(place, kept);
      if (removes) expected.delete(name);
      else expected.set(name, kept);
    }
    expect(walked(table)).toEqual([...expected.values()].toSorted((one, other) => one - other));
  });
  fc.assert(property, { numRuns: 1000 });
});

/** What is kept for all subjects that were not removed. */
function walked(table: SubjectTable): number[] {
  const kept: number[] = [];
  for (let place = table.after(NONE); place !== NONE; place = table.after(place)) {
    if (table.familyAt(place) !== 0) kept.push(table.keptAt(place));
  }
  return kept.toSorted((one, other) => one - other);
}

it('keeps a subject of any length in at most half a KB', () => {
  const table = new SubjectTable();
  for (let place = 0; place < 1000; place++) table.add(1, `${place}${'x'.repeat(100_000)}`, place);
  expect(table.find(1, `7${'x'.repeat(100_000)}`)).not.toBe(NONE);
  expect(table.bytes).toBe(1 << 20);
});

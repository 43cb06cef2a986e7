import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseRules } from '../../rules/parse/parse-rules.ts';
import { formatDescriptorSubject } from '../counting/counter-subject.ts';
import type { Limit } from '../limits/limit.ts';
import { compareRules, type RuleChange } from './compare-rules.ts';
import { countedEntries, type RuleBook } from './rule-book.ts';

function bookOf(descriptors: unknown, domain = 'shop'): RuleBook {
  const parsed = parseRules('rules.yaml', JSON.stringify({ domain, descriptors }));
  if (!('root' in parsed)) throw new Error(JSON.stringify(parsed));
  return new Map([[parsed.domain, parsed.root]]);
}

/** Paths by kind, and of limits whether their counters go on. */
function told(changes: readonly RuleChange[]): readonly string[] {
  return changes.map((change) => {
    if (change.kind === 'rematched') return `rematched ${change.domain}: ${change.isMostSpecific}`;
    if (change.kind === 'reordered') return `reordered ${change.path}: ${change.values.join(' ')}`;
    if (change.kind !== 'changed') return `${change.kind} ${change.rule.path}, else ${change.other?.path ?? 'none'}`;
    const limits = change.limits.map(({ before, after, keepsCounters }) => {
      return `${before?.name ?? 'nothing'}→${after?.name ?? 'nothing'} ${keepsCounters ? 'goes on' : 'anew'}`;
    });
    return `changed ${change.rule.path}: ${limits.join(', ')}`;
  });
}

const minute = { requests: 5, window: '1m' };

it('tells nothing of rules that are the same, however they are written', () => {
  const one = [
    { key: 'a', value: 'x', rate_limit: { requests: 5, window: '60s', algorithm: 'sliding_window' } },
    { key: 'b' },
  ];
  const other = [{ key: 'a', value: 'x', limits: [{ algorithm: 'sliding_window', window: '1m', requests: 5 }] }];
  expect(compareRules(bookOf(one), bookOf(other))).toEqual([]);
});

it.each<[string, object, object, string]>([
  ['requests', minute, { ...minute, requests: 6 }, '1m→1m goes on'],
  ['block_for', minute, { ...minute, block_for: '5m' }, '1m→1m goes on'],
  ['the window', { ...minute, name: 'n' }, { ...minute, name: 'n', window: '2m' }, 'n→n anew'],
  ['the algorithm', minute, { ...minute, algorithm: 'fixed_window' }, '1m→1m anew'],
  ['the name', { ...minute, name: 'n' }, { ...minute, name: 'm' }, 'n→m anew'],
  ['the window, and so the name', minute, { ...minute, window: '2m' }, '1m→2m anew'],
  ['whether it is counted', minute, { unlimited: true }, '1m→unlimited anew'],
])('tells that a limit changes, and whether its counters go on: %s', (_, before, after, said) => {
  const changes = compareRules(bookOf([{ key: 'a', rate_limit: before }]), bookOf([{ key: 'a', rate_limit: after }]));
  expect(told(changes)).toEqual([`changed shop.a: ${said}`]);
});

it('tells which limits come and go beside those that stay', () => {
  const [burst, day] = [
    { ...minute, name: 'burst' },
    { name: 'day', requests: 9, window: '1d', algorithm: 'calendar' },
  ];
  const of = (...limits: object[]) => bookOf([{ key: 'a', limits }]);
  expect(told(compareRules(of(burst), of(burst, day)))).toEqual(['changed shop.a: nothing→day anew']);
  expect(told(compareRules(of(burst, day), of(day)))).toEqual(['changed shop.a: burst→nothing anew']);
  expect(told(compareRules(of(burst, day), of(day, burst)))).toEqual(['changed shop.a: ']);
});

it('tells which rules come and go, and which had or get their requests, in the order of their paths', () => {
  const before = bookOf([
    { key: 'path', rate_limit: minute },
    { key: 'z', rate_limit: minute },
    { key: 'b', value: 'x', rate_limit: minute },
  ]);
  const after = bookOf([
    { key: 'path', value: '/a', rate_limit: minute },
    { key: 'path', rate_limit: minute },
    { key: 'b', rate_limit: minute },
  ]);
  expect(told(compareRules(before, after))).toEqual([
    'added shop.b, else none',
    'removed shop.b_x, else shop.b',
    'added shop.path_/a, else shop.path',
    'removed shop.z, else none',
  ]);
  expect(told(compareRules(before, bookOf([], 'other')))).toHaveLength(3);
});

it('tells that values with * changed places, and that values share their counters', () => {
  const rule = (value: string, more = {}) => ({ key: 'path', value, rate_limit: minute, ...more });
  const changes = compareRules(bookOf([rule('/a*'), rule('*')]), bookOf([rule('*'), rule('/b*'), rule('/a*')]));
  expect(told(changes)).toEqual(['reordered shop.path: * /a*', 'added shop.path_/b*, else none']);
  const shared = compareRules(bookOf([rule('/a*')]), bookOf([rule('/a*', { share_threshold: true })]));
  expect(told(shared)).toEqual(['changed shop.path_/a*: 1m→1m anew']);
});

it('tells that a domain finds its rules otherwise', () => {
  const parsed = parseRules('rules.yaml', JSON.stringify({ domain: 'shop', match: 'most_specific', descriptors: [] }));
  if (!('root' in parsed)) throw new Error(JSON.stringify(parsed));
  const [plain, specific] = [bookOf([]), new Map([['shop', parsed.root]])];
  expect(told(compareRules(plain, specific))).toEqual(['rematched shop: true']);
  expect(told(compareRules(specific, plain))).toEqual(['rematched shop: false']);
  expect(compareRules(specific, specific)).toEqual([]);
});

it('says that counters go on just where they have the same place, on random rules', () => {
  const limit = fc.record({
    name: fc.constantFrom('one', 'other'),
    requests: fc.integer({ min: 1, max: 3 }),
    window: fc.constantFrom('1m', '1h'),
    algorithm: fc.constantFrom('sliding_window', 'fixed_window'),
  });
  const rule = fc.record({
    key: fc.constant('a'),
    value: fc.constantFrom('x*', 'x'),
    limits: fc.uniqueArray(limit, { minLength: 1, maxLength: 2, selector: ({ name }) => name }),
    isShared: fc.boolean(),
  });
  const rules = fc.uniqueArray(rule, { maxLength: 2, selector: ({ value }) => value });
  const written = (each: { value: string; isShared: boolean }) => {
    const { isShared, ...descriptor } = each;
    return isShared && each.value.includes('*') ? { ...descriptor, share_threshold: true } : descriptor;
  };
  let compared = 0;
  const property = fc.property(rules, rules, (one, other) => {
    for (const change of compareRules(bookOf(one.map(written)), bookOf(other.map(written)))) {
      if (change.kind !== 'changed') continue;
      const entries = [{ key: 'a', value: 'xy' }];
      const placeOf = (of: typeof change.rule, counted: Limit) =>
        counted.algorithm === 'unlimited'
          ? ''
          : `${formatDescriptorSubject('shop', countedEntries(of, entries))} ${counted.identity}`;
      for (const { before, after, keepsCounters } of change.limits) {
        if (before === undefined || after === undefined) continue;
        compared++;
        expect(placeOf(change.before, before) === placeOf(change.rule, after)).toBe(keepsCounters);
      }
    }
  });
  fc.assert(property, { numRuns: 1000, seed: 20_261_121 });
  expect(compared).toBeGreaterThan(300);
});

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseRules } from '../../rules/parse/parse-rules.ts';
import { formatDescriptorSubject } from '../counting/counter-subject.ts';
import type { Limit } from '../limits/limit.ts';
import { compareRules, type RuleChange } from './compare-rules.ts';
import { countedEntries } from './rule.ts';
import type { RuleBook } from './rule-book.ts';

function bookOf(descriptors: unknown, domain = 'shop'): RuleBook {
  const parsed = parseRules('rules.yaml', JSON.stringify({ domain, descriptors }));
  if (!('root' in parsed)) throw new Error(JSON.stringify(parsed));
  return new Map([[parsed.domain, parsed.root]]);
}

/** One line per change: its kind and path, and for limits whether they keep their counters. */
function summarize(changes: readonly RuleChange[]): readonly string[] {
  return changes.map((change) => {
    if (change.kind === 'rematched') return `rematched ${change.domain}: ${change.isMostSpecific}`;
    if (change.kind === 'reordered') return `reordered ${change.path}: ${change.values.join(' ')}`;
    if (change.kind !== 'changed')
      return `${change.kind} ${change.rule.path}, else ${change.otherMatch?.path ?? 'none'}`;
    const limits = change.limits.map(({ before, after, keepsCounters }) => {
      return `${before?.name ?? 'nothing'}→${after?.name ?? 'nothing'} ${keepsCounters ? 'keeps' : 'loses'} counters`;
    });
    return `changed ${change.rule.path}: ${limits.join(', ')}`;
  });
}

const minute = { requests: 5, window: '1m' };

it('reports no change for rules that are equal, however they are written', () => {
  const one = [
    { key: 'a', value: 'x', rate_limit: { requests: 5, window: '60s', algorithm: 'sliding_window' } },
    { key: 'b' },
  ];
  const other = [{ key: 'a', value: 'x', limits: [{ algorithm: 'sliding_window', window: '1m', requests: 5 }] }];
  expect(compareRules(bookOf(one), bookOf(other))).toEqual([]);
});

it.each<[string, object, object, string]>([
  ['requests', minute, { ...minute, requests: 6 }, '1m→1m keeps counters'],
  ['block_for', minute, { ...minute, block_for: '5m' }, '1m→1m keeps counters'],
  ['the window', { ...minute, name: 'n' }, { ...minute, name: 'n', window: '2m' }, 'n→n loses counters'],
  ['the algorithm', minute, { ...minute, algorithm: 'fixed_window' }, '1m→1m loses counters'],
  ['the name', { ...minute, name: 'n' }, { ...minute, name: 'm' }, 'n→m loses counters'],
  ['the window, and so the name', minute, { ...minute, window: '2m' }, '1m→2m loses counters'],
  ['whether it is counted', minute, { unlimited: true }, '1m→unlimited loses counters'],
])('reports a changed limit, and whether it keeps its counters: %s', (_, before, after, summary) => {
  const changes = compareRules(bookOf([{ key: 'a', rate_limit: before }]), bookOf([{ key: 'a', rate_limit: after }]));
  expect(summarize(changes)).toEqual([`changed shop.a: ${summary}`]);
});

it('reports which limits are added and removed next to those that stay', () => {
  const [burst, day] = [
    { ...minute, name: 'burst' },
    { name: 'day', requests: 9, window: '1d', algorithm: 'calendar' },
  ];
  const of = (...limits: object[]) => bookOf([{ key: 'a', limits }]);
  expect(summarize(compareRules(of(burst), of(burst, day)))).toEqual(['changed shop.a: nothing→day loses counters']);
  expect(summarize(compareRules(of(burst, day), of(day)))).toEqual(['changed shop.a: burst→nothing loses counters']);
  expect(summarize(compareRules(of(burst, day), of(day, burst)))).toEqual(['changed shop.a: ']);
});

it('reports added and removed rules by path, with the rules that match their requests before or after', () => {
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
  expect(summarize(compareRules(before, after))).toEqual([
    'added shop.b, else none',
    'removed shop.b_x, else shop.b',
    'added shop.path_/a, else shop.path',
    'removed shop.z, else none',
  ]);
  expect(summarize(compareRules(before, bookOf([], 'other')))).toHaveLength(3);
});

it('reports that values with * changed their order, or share their counters now', () => {
  const rule = (value: string, more = {}) => ({ key: 'path', value, rate_limit: minute, ...more });
  const changes = compareRules(bookOf([rule('/a*'), rule('*')]), bookOf([rule('*'), rule('/b*'), rule('/a*')]));
  expect(summarize(changes)).toEqual(['reordered shop.path: * /a*', 'added shop.path_/b*, else none']);
  const shared = compareRules(bookOf([rule('/a*')]), bookOf([rule('/a*', { share_threshold: true })]));
  expect(summarize(shared)).toEqual(['changed shop.path_/a*: 1m→1m loses counters']);
});

it('reports that a domain changed its match mode', () => {
  const parsed = parseRules('rules.yaml', JSON.stringify({ domain: 'shop', match: 'most_specific', descriptors: [] }));
  if (!('root' in parsed)) throw new Error(JSON.stringify(parsed));
  const [plain, specific] = [bookOf([]), new Map([['shop', parsed.root]])];
  expect(summarize(compareRules(plain, specific))).toEqual(['rematched shop: true']);
  expect(summarize(compareRules(specific, plain))).toEqual(['rematched shop: false']);
  expect(compareRules(specific, specific)).toEqual([]);
});

it('says that a limit keeps its counters exactly if subject and identity stay the same, for random rules', () => {
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
  const toDescriptor = (rule: { value: string; isShared: boolean }) => {
    const { isShared, ...descriptor } = rule;
    return isShared && rule.value.includes('*') ? { ...descriptor, share_threshold: true } : descriptor;
  };
  let compared = 0;
  const property = fc.property(rules, rules, (one, other) => {
    for (const change of compareRules(bookOf(one.map(toDescriptor)), bookOf(other.map(toDescriptor)))) {
      if (change.kind !== 'changed') continue;
      const entries = [{ key: 'a', value: 'xy' }];
      const counterKey = (rule: typeof change.rule, counted: Limit) =>
        counted.algorithm === 'unlimited'
          ? ''
          : `${formatDescriptorSubject('shop', countedEntries(rule, entries))} ${counted.identity}`;
      for (const { before, after, keepsCounters } of change.limits) {
        if (before === undefined || after === undefined) continue;
        compared++;
        expect(counterKey(change.before, before) === counterKey(change.rule, after)).toBe(keepsCounters);
      }
    }
  });
  fc.assert(property, { numRuns: 1000, seed: 20_261_121 });
  expect(compared).toBeGreaterThan(300);
});

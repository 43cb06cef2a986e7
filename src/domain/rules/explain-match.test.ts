import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRules } from '../../rules/parse/parse-rules.ts';
import type { DescriptorEntry } from '../descriptor.ts';
import { explainMatch } from './explain-match.ts';
import { matchRule } from './match-rule.ts';
import type { RuleBook } from './rule-book.ts';

function bookOf(descriptors: unknown, match?: string): RuleBook {
  const parsed = parseRules('shop.yaml', JSON.stringify({ domain: 'shop', match, descriptors }));
  if (!('root' in parsed)) throw new Error(JSON.stringify(parsed));
  return new Map([[parsed.domain, parsed.root]]);
}

const rate_limit = { requests: 3, window: '1m' };
const book = bookOf([
  { key: 'path', value: '/login', rate_limit, descriptors: [{ key: 'user', rate_limit }, { key: 'device' }] },
  { key: 'path', value: '/log*' },
  { key: 'path', value: '*', rate_limit },
  { key: 'path', rate_limit },
  { key: 'path', value: '/else', rate_limit },
  { key: 'address', rate_limit },
]);

function explain(...entries: [string, string][]) {
  return explainMatch(
    book,
    'shop',
    entries.map(([key, value]) => ({ key, value })),
  );
}

function listed(...first: string[]) {
  return { first, omitted: 0 };
}

describe('an explanation', () => {
  it('shows for each entry what matched, what else would match, other values and other keys', () => {
    expect(explain(['path', '/login'], ['user', 'ann'])).toMatchObject({
      isDomainKnown: true,
      rule: { path: 'shop.path_/login.user' },
      rulesOnPath: ['shop.path_/login'],
      nextKeys: listed(),
      steps: [
        {
          match: { kind: 'exact', path: 'shop.path_/login' },
          alsoMatching: listed('shop.path_/log*', 'shop.path_*', 'shop.path'),
          otherValues: listed('shop.path_/else'),
          otherKeys: listed('address'),
        },
        { match: { kind: 'key', path: 'shop.path_/login.user' }, otherKeys: listed('device') },
      ],
    });
    expect(explain(['path', '/logout']).steps[0]).toMatchObject({
      match: { kind: 'wildcard', path: 'shop.path_/log*' },
      alsoMatching: listed('shop.path_*', 'shop.path'),
    });
  });

  it('shows why no rule matches: no such path, a rule above or below the last entry, an unknown domain', () => {
    expect(explain(['path', '/login'], ['color', 'red'], ['user', 'ann'])).toMatchObject({
      rule: undefined,
      rulesOnPath: ['shop.path_/login'],
      steps: [{}, { match: undefined, otherKeys: listed('user', 'device') }],
    });
    expect(explain(['path', '/logout'])).toMatchObject({ rule: undefined, nextKeys: listed() });
    expect(explain(['address', 'a'], ['more', ''])).toMatchObject({ rule: undefined, rulesOnPath: ['shop.address'] });
    expect(explain(['path', '/login'], ['device', 'x'])).toMatchObject({
      rule: undefined,
      rulesOnPath: ['shop.path_/login'],
    });
    expect(explainMatch(book, 'other', [{ key: 'path', value: '' }])).toMatchObject({
      isDomainKnown: false,
      steps: [],
    });
  });

  it('lists the first ten of many values', () => {
    const many = bookOf(Array.from({ length: 100 }, (_, index) => ({ key: 'k', value: `${index}`, rate_limit })));
    const [step] = explainMatch(many, 'shop', [{ key: 'k', value: '7' }]).steps;
    expect(step?.otherValues.first).toHaveLength(10);
    expect(step?.otherValues.omitted).toBe(89);
  });
});

interface WrittenDescriptor {
  readonly key: string;
  readonly value?: string;
  readonly rate_limit?: object;
  readonly descriptors?: readonly WrittenDescriptor[];
}

const key = fc.constantFrom('a', 'b');
const value = fc.string({ unit: fc.constantFrom('x', 'y', '*'), maxLength: 3 });
const { level } = fc.letrec<{ level: readonly WrittenDescriptor[] }>((tie) => ({
  level: fc.uniqueArray(
    fc.record(
      {
        key,
        value,
        rate_limit: fc.constant(rate_limit),
        descriptors: fc.oneof({ depthSize: 'small' }, fc.constant([]), tie('level')),
      },
      { requiredKeys: ['key'] },
    ),
    { maxLength: 6, selector: ({ key, value }) => `${key}=${value ?? ''}` },
  ),
}));
const request: fc.Arbitrary<readonly DescriptorEntry[]> = fc.array(
  fc.record({ key, value: fc.string({ unit: fc.constantFrom('x', 'y', '*'), maxLength: 3 }) }),
  { maxLength: 4 },
);

it('finds the same rule as the decision, for random rules and requests', () => {
  let matched = 0;
  const matchMode = fc.constantFrom(undefined, 'most_specific');
  const property = fc.property(
    level,
    matchMode,
    fc.array(request, { maxLength: 5 }),
    (descriptors, match, requests) => {
      const random = bookOf(descriptors, match);
      for (const entries of requests) {
        const rule = matchRule(random, 'shop', entries);
        const { rule: explained, steps, nextKeys } = explainMatch(random, 'shop', entries);
        expect(explained).toBe(rule);
        const isComplete = steps.length === entries.length && steps.every(({ match }) => match !== undefined);
        if (rule === undefined) {
          // Every step before the last one matched, or there would be no next step.
          expect(steps.slice(0, -1).every(({ match }) => match !== undefined)).toBe(true);
          if (!isComplete) expect(nextKeys).toEqual(listed());
          continue;
        }
        matched++;
        expect(isComplete).toBe(true);
        expect(steps.at(-1)?.match?.path).toBe(rule.path);
        for (const { match, alsoMatching } of steps) expect(alsoMatching.first).not.toContain(match?.path);
      }
    },
  );
  fc.assert(property, { numRuns: 2000, seed: 20_261_121 });
  expect(matched).toBeGreaterThan(500);
});

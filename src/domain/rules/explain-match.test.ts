import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRules } from '../../rules/parse/parse-rules.ts';
import type { Entry } from '../descriptor.ts';
import { explainMatch } from './explain-match.ts';
import { matchRule, type RuleBook } from './rule-book.ts';

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
  it('tells by what each entry led on, what came later, what did not fit, and what else there is', () => {
    expect(explain(['path', '/login'], ['user', 'ann'])).toMatchObject({
      isDomainKnown: true,
      rule: { path: 'shop.path_/login.user' },
      onTheWay: ['shop.path_/login'],
      keysBelow: listed(),
      steps: [
        {
          taken: { way: 'exact', path: 'shop.path_/login' },
          passedOver: listed('shop.path_/log*', 'shop.path_*', 'shop.path'),
          otherValues: listed('shop.path_/else'),
          otherKeys: listed('address'),
        },
        { taken: { way: 'key', path: 'shop.path_/login.user' }, otherKeys: listed('device') },
      ],
    });
    expect(explain(['path', '/logout']).steps[0]).toMatchObject({
      taken: { way: 'wildcard', path: 'shop.path_/log*' },
      passedOver: listed('shop.path_*', 'shop.path'),
    });
  });

  it('tells why there is no rule: the way ended, stands too high, or leads on', () => {
    expect(explain(['path', '/login'], ['color', 'red'], ['user', 'ann'])).toMatchObject({
      rule: undefined,
      onTheWay: ['shop.path_/login'],
      steps: [{}, { taken: undefined, otherKeys: listed('user', 'device') }],
    });
    expect(explain(['path', '/logout'])).toMatchObject({ rule: undefined, keysBelow: listed() });
    expect(explain(['address', 'a'], ['more', ''])).toMatchObject({ rule: undefined, onTheWay: ['shop.address'] });
    expect(explain(['path', '/login'], ['device', 'x'])).toMatchObject({
      rule: undefined,
      onTheWay: ['shop.path_/login'],
    });
    expect(explainMatch(book, 'other', [{ key: 'path', value: '' }])).toMatchObject({
      isDomainKnown: false,
      steps: [],
    });
  });

  it('lists ten of many', () => {
    const many = bookOf(Array.from({ length: 100 }, (_, place) => ({ key: 'k', value: `${place}`, rate_limit })));
    const [step] = explainMatch(many, 'shop', [{ key: 'k', value: '7' }]).steps;
    expect(step?.otherValues.first).toHaveLength(10);
    expect(step?.otherValues.omitted).toBe(89);
  });
});

interface Written {
  readonly key: string;
  readonly value?: string;
  readonly rate_limit?: object;
  readonly descriptors?: readonly Written[];
}

const key = fc.constantFrom('a', 'b');
const value = fc.string({ unit: fc.constantFrom('x', 'y', '*'), maxLength: 3 });
const { level } = fc.letrec<{ level: readonly Written[] }>((tie) => ({
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
    { maxLength: 6, selector: (each) => `${each.key}=${each.value ?? ''}` },
  ),
}));
const request: fc.Arbitrary<readonly Entry[]> = fc.array(
  fc.record({ key, value: fc.string({ unit: fc.constantFrom('x', 'y', '*'), maxLength: 3 }) }),
  { maxLength: 4 },
);

it('is that of the decision, on random rules and requests', () => {
  let matched = 0;
  const way = fc.constantFrom(undefined, 'most_specific');
  const property = fc.property(level, way, fc.array(request, { maxLength: 5 }), (descriptors, match, requests) => {
    const random = bookOf(descriptors, match);
    for (const entries of requests) {
      const rule = matchRule(random, 'shop', entries);
      const { rule: explained, steps, keysBelow } = explainMatch(random, 'shop', entries);
      expect(explained).toBe(rule);
      const isWhole = steps.length === entries.length && steps.every(({ taken }) => taken !== undefined);
      if (rule === undefined) {
        // Each step before the last one led on, or there would be no next.
        expect(steps.slice(0, -1).every(({ taken }) => taken !== undefined)).toBe(true);
        if (!isWhole) expect(keysBelow).toEqual(listed());
        continue;
      }
      matched++;
      expect(isWhole).toBe(true);
      expect(steps.at(-1)?.taken?.path).toBe(rule.path);
      for (const { taken, passedOver } of steps) expect(passedOver.first).not.toContain(taken?.path);
    }
  });
  fc.assert(property, { numRuns: 2000, seed: 20_261_121 });
  expect(matched).toBeGreaterThan(500);
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxNodesVisited } from './match-most-specific.ts';
import { addRuleNode, createRuleNode, type DomainRules, matchRule, type RuleNode } from './rule-book.ts';

type Step = readonly [key: string, value: string | undefined];

/** A domain with a rule at the end of each of these ways. */
function domainOf(...ways: readonly (readonly Step[])[]): DomainRules {
  const root: DomainRules = { ...createRuleNode(), isMostSpecific: true };
  for (const way of ways) {
    let node: RuleNode = root;
    for (const [key, value] of way) {
      const rules = node.byKey?.get(key);
      const known = value === undefined ? rules?.anyValue : rules?.exact?.get(value);
      node = known ?? addRuleNode(node, key, value) ?? node;
    }
    node.rule = { path: nameOf(way), limits: [] };
  }
  return root;
}

function nameOf(way: readonly Step[]): string {
  return way.map(([key, value]) => `${key}=${value ?? ''}`).join(' ');
}

function match(root: DomainRules, ...entries: readonly [string, string][]): string | undefined {
  return matchRule(
    new Map([['d', root]]),
    'd',
    entries.map(([key, value]) => ({ key, value })),
  )?.path;
}

describe('the most specific rule', () => {
  it('is that of the exact value, then that of the wildcard that spells out most, then that of the key', () => {
    const root = domainOf([['k', undefined]], [['k', '*']], [['k', 'a*']], [['k', 'a*c']], [['k', 'abc']]);
    expect(match(root, ['k', 'abc'])).toBe('k=abc');
    expect(match(root, ['k', 'aXc'])).toBe('k=a*c');
    expect(match(root, ['k', 'aX'])).toBe('k=a*');
    expect(match(root, ['k', 'X'])).toBe('k=*');
    expect(match(domainOf([['k', undefined]], [['k', 'a*']]), ['k', 'X'])).toBe('k=');
  });

  it('is found by a way back where the more specific way ends without one', () => {
    const root = domainOf(
      [
        ['path', '/login'],
        ['method', 'POST'],
      ],
      [
        ['path', '/log*'],
        ['user', 'admin'],
      ],
      [
        ['path', undefined],
        ['user', undefined],
      ],
    );
    expect(match(root, ['path', '/login'], ['method', 'POST'])).toBe('path=/login method=POST');
    expect(match(root, ['path', '/login'], ['user', 'admin'])).toBe('path=/log* user=admin');
    expect(match(root, ['path', '/login'], ['user', 'eve'])).toBe('path= user=');
    expect(match(root, ['path', '/login'], ['method', 'GET'])).toBeUndefined();
    expect(match(root, ['path', '/login'])).toBeUndefined();
  });

  it('goes by the first entry before the second', () => {
    const root = domainOf(
      [
        ['a', '1'],
        ['b', undefined],
      ],
      [
        ['a', undefined],
        ['b', '2'],
      ],
    );
    expect(match(root, ['a', '1'], ['b', '2'])).toBe('a=1 b=');
  });

  it('is there whenever any rule fits, and no more was tried than was said', () => {
    const value = fc.constantFrom(undefined, 'a', 'ab', 'a*', '*', '*b', 'b*', 'ab*');
    const step = fc.tuple(fc.constantFrom('k', 'l'), value);
    const ways = fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 12 });
    const entry = fc.tuple(fc.constantFrom('k', 'l'), fc.constantFrom('a', 'ab', 'b', 'abc', 'c'));
    const fits = (written: string | undefined, asked: string) =>
      written === undefined || new RegExp(`^${written.replaceAll('*', '.*')}$`).test(asked);
    fc.assert(
      fc.property(ways, fc.array(entry, { minLength: 1, maxLength: 3 }), (rules, asked) => {
        const root = domainOf(...rules);
        const fitting = rules.filter(
          (way) =>
            way.length === asked.length &&
            way.every(([key, written], place) => key === asked[place]?.[0] && fits(written, asked[place][1])),
        );
        const found = match(root, ...asked);
        expect(found === undefined).toBe(fitting.length === 0);
        if (found !== undefined) expect(fitting.map(nameOf)).toContain(found);
        expect(triedBy(root, asked)).toBeLessThanOrEqual(maxNodesVisited(root));
      }),
    );
  });
});

/** Levels that were gone through for an answer: each asks for the entry that it is at. */
function triedBy(root: DomainRules, asked: readonly (readonly [string, string])[]): number {
  let tried = 0;
  const entries = new Proxy(
    asked.map(([key, value]) => ({ key, value })),
    {
      get(target, name, receiver) {
        tried++;
        return Reflect.get(target, name, receiver);
      },
    },
  );
  matchRule(new Map([['d', root]]), 'd', entries);
  return tried;
}

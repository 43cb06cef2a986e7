import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxNodesVisited } from './match-most-specific.ts';
import { matchRule } from './match-rule.ts';
import { addRuleNode, createRuleNode, type DomainRules, type RuleNode } from './rule-book.ts';

type Step = readonly [key: string, value: string | undefined];

/** A domain with a rule at the end of each path. */
function buildDomain(...paths: readonly (readonly Step[])[]): DomainRules {
  const root: DomainRules = { ...createRuleNode(), isMostSpecific: true };
  for (const path of paths) {
    let node: RuleNode = root;
    for (const [key, value] of path) {
      const rules = node.byKey?.get(key);
      const existing = value === undefined ? rules?.anyValue : rules?.exact?.get(value);
      node = existing ?? addRuleNode(node, key, value) ?? node;
    }
    node.rule = { path: formatPath(path), limits: [] };
  }
  return root;
}

function formatPath(path: readonly Step[]): string {
  return path.map(([key, value]) => `${key}=${value ?? ''}`).join(' ');
}

function match(root: DomainRules, ...entries: readonly [string, string][]): string | undefined {
  return matchRule(
    new Map([['d', root]]),
    'd',
    entries.map(([key, value]) => ({ key, value })),
  )?.path;
}

describe('the most specific rule', () => {
  it('prefers the exact value, then the wildcard that spells out the most characters, then the key alone', () => {
    const root = buildDomain([['k', undefined]], [['k', '*']], [['k', 'a*']], [['k', 'a*c']], [['k', 'abc']]);
    expect(match(root, ['k', 'abc'])).toBe('k=abc');
    expect(match(root, ['k', 'aXc'])).toBe('k=a*c');
    expect(match(root, ['k', 'aX'])).toBe('k=a*');
    expect(match(root, ['k', 'X'])).toBe('k=*');
    expect(match(buildDomain([['k', undefined]], [['k', 'a*']]), ['k', 'X'])).toBe('k=');
  });

  it('is found by backtracking if a more specific path ends without a rule', () => {
    const root = buildDomain(
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

  it('weighs the first entry before the second', () => {
    const root = buildDomain(
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

  it('is found whenever any rule matches, and the search stays within maxNodesVisited', () => {
    const value = fc.constantFrom(undefined, 'a', 'ab', 'a*', '*', '*b', 'b*', 'ab*');
    const step = fc.tuple(fc.constantFrom('k', 'l'), value);
    const paths = fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 12 });
    const entry = fc.tuple(fc.constantFrom('k', 'l'), fc.constantFrom('a', 'ab', 'b', 'abc', 'c'));
    const matches = (pattern: string | undefined, value: string) =>
      pattern === undefined || new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(value);
    fc.assert(
      fc.property(paths, fc.array(entry, { minLength: 1, maxLength: 3 }), (rules, entries) => {
        const root = buildDomain(...rules);
        const matching = rules.filter(
          (path) =>
            path.length === entries.length &&
            path.every(([key, value], i) => key === entries[i]?.[0] && matches(value, entries[i][1])),
        );
        const found = match(root, ...entries);
        expect(found === undefined).toBe(matching.length === 0);
        if (found !== undefined) expect(matching.map(formatPath)).toContain(found);
        expect(countVisits(root, entries)).toBeLessThanOrEqual(maxNodesVisited(root));
      }),
    );
  });
});

/** Counts the nodes that a search visits: at each node it reads one entry. */
function countVisits(root: DomainRules, pairs: readonly (readonly [string, string])[]): number {
  let visits = 0;
  const entries = new Proxy(
    pairs.map(([key, value]) => ({ key, value })),
    {
      get(target, name, receiver) {
        visits++;
        return Reflect.get(target, name, receiver);
      },
    },
  );
  matchRule(new Map([['d', root]]), 'd', entries);
  return visits;
}

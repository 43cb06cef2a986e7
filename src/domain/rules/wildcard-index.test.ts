import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addWildcard, createWildcardIndex, findFirstWildcard } from './wildcard-index.ts';

function find(value: string, ...patterns: string[]): string | undefined {
  const values = createWildcardIndex<string>();
  for (const pattern of patterns) addWildcard(values, pattern, pattern);
  return findFirstWildcard(values, value);
}

describe('a value with asterisks', () => {
  it.each([
    ['value*', ['value', 'value1', 'valueXYZ', 'value*'], ['valu', 'xvalue', '']],
    ['/api/*/action', ['/api/123/action', '/api//action', '/api/a/b/action'], ['/api/123/other', '/api/action']],
    ['/api/*/resource/*/action', ['/api/v1/resource/1/action'], ['/api/v1/resource/action', '/api/resource/1/action']],
    ['*.pdf', ['.pdf', 'a.pdf'], ['a.pdf2', 'pdf']],
    ['*', ['', 'anything'], []],
    ['a*ba', ['aba', 'abba'], ['aa', 'ab']],
    ['a**b', ['ab', 'a*b'], ['a', 'b']],
    ['a*bc*c', ['abcc', 'axbcxc'], ['abc', 'acc']],
  ])('%s matches exactly the values that have its pieces in order', (pattern, matching, others) => {
    for (const value of matching) expect([value, find(value, pattern)]).toEqual([value, pattern]);
    for (const value of others) expect([value, find(value, pattern)]).toEqual([value, undefined]);
  });

  it('takes precedence over those added later, however specific they are', () => {
    expect(find('foobar', 'f*', 'foobar*', '*')).toBe('f*');
    expect(find('foobar', 'foobar*', 'f*', '*')).toBe('foobar*');
    expect(find('foobar', 'b*', '*r', 'foo*')).toBe('*r');
    expect(find('foobar', 'foo*z', 'foo*r', 'foo*')).toBe('foo*r');
  });

  it('is found as if all were tried one after the other', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 6 });
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 8 }), letters, (texts, value) => {
        const patterns = [...new Set(texts.filter((pattern) => pattern.includes('*')))];
        const expected = patterns.find((pattern) => new RegExp(`^${pattern.split('*').join('.*')}$`, 's').test(value));
        expect(find(value, ...patterns)).toBe(expected);
      }),
      { numRuns: 5000 },
    );
  });

  it('matches in linear time a value that nearly matches in many ways', () => {
    const values = createWildcardIndex<string>();
    addWildcard(values, `${'*a'.repeat(1000)}*b`, 'found');
    const findShortestMs = (length: number) => {
      const value = 'a'.repeat(length);
      const measure = () => {
        const start = performance.now();
        expect(findFirstWildcard(values, value)).toBeUndefined();
        return performance.now() - start;
      };
      return Math.min(...Array.from({ length: 5 }, measure));
    };
    findShortestMs(100_000); // warms up
    // A value that is ten times as long takes ten times as long, not a hundred times.
    expect(findShortestMs(1_000_000) / findShortestMs(100_000)).toBeLessThan(40);
  });
});

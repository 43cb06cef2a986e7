import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addWildcard, createWildcardValues, findWildcard } from './wildcard-values.ts';

function find(value: string, ...patterns: string[]): string | undefined {
  const values = createWildcardValues<string>();
  for (const pattern of patterns) addWildcard(values, pattern, pattern);
  return findWildcard(values, value);
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
  ])('%s fits what has its pieces in their order, and nothing else', (pattern, fitting, others) => {
    for (const value of fitting) expect([value, find(value, pattern)]).toEqual([value, pattern]);
    for (const value of others) expect([value, find(value, pattern)]).toEqual([value, undefined]);
  });

  it('wins over those behind it, however exact they are', () => {
    expect(find('foobar', 'f*', 'foobar*', '*')).toBe('f*');
    expect(find('foobar', 'foobar*', 'f*', '*')).toBe('foobar*');
    expect(find('foobar', 'b*', '*r', 'foo*')).toBe('*r');
    expect(find('foobar', 'foo*z', 'foo*r', 'foo*')).toBe('foo*r');
  });

  it('is found as by trying one after the other', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 6 });
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 8 }), letters, (written, value) => {
        const patterns = [...new Set(written.filter((pattern) => pattern.includes('*')))];
        const tried = patterns.find((pattern) => new RegExp(`^${pattern.split('*').join('.*')}$`, 's').test(value));
        expect(find(value, ...patterns)).toBe(tried);
      }),
      { numRuns: 5000 },
    );
  });

  it('costs no more for a value that nearly fits in many ways', () => {
    const values = createWildcardValues<string>();
    addWildcard(values, `${'*a'.repeat(1000)}*b`, 'found');
    const started = performance.now();
    expect(findWildcard(values, 'a'.repeat(1_000_000))).toBeUndefined();
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

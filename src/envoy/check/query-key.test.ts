import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findQueryKey, NO_QUERY_KEY } from './query-key.ts';

const findKey = (path: string) => findQueryKey(path, 'api_key');

describe('findQueryKey', () => {
  it.each([
    ['/a?api_key=wk_1', 'wk_1', ['api_key']],
    ['/a?x=1&api_key=wk_1&y=2', 'wk_1', ['api_key']],
    ['/a?api_key=wk%5F1', 'wk_1', ['api_key']],
    ['/a?api%5Fkey=wk_1', 'wk_1', ['api%5Fkey']],
    ['/a?api%5fkey=wk_1&api_key=wk_2', 'wk_1,wk_2', ['api%5fkey', 'api_key']],
    ['/a?api_key=wk_1&api_key=wk_1', 'wk_1,wk_1', ['api_key']],
    ['/a?api_key=wk_1?api_key=wk_2', 'wk_1?api_key=wk_2', ['api_key']],
    ['/a?api_key=wk_1=2', 'wk_1=2', ['api_key']],
    ['/a?api_key=wk_%zz', 'wk_%zz', ['api_key']],
    ['/a?api_key=wk%255F1', 'wk%5F1', ['api_key']],
    ['/a?api_key', '', ['api_key']],
    ['/a?api_key=', '', ['api_key']],
    ['//evil.example?api_key=wk_1', 'wk_1', ['api_key']],
    ['http://a/b?api_key=wk_1', 'wk_1', ['api_key']],
  ])('finds in %s the key %j under the names %j', (path, value, names) => {
    expect(findKey(path)).toEqual({ value, names });
  });

  it.each([
    '',
    '/api_key=wk_1',
    '/a?',
    '/a?API_KEY=wk_1',
    '/a?xapi_key=wk_1',
    '/a?api_key_=wk_1',
    '/a?api+key=wk_1',
    '/a?x=api_key=wk_1',
    '/a;api_key=wk_1',
    '/a%3Fapi_key=wk_1',
    '/a?api_%6=wk_1',
    '/a?api%255Fkey=wk_1',
  ])('finds no key in %j', (path) => expect(findKey(path)).toBe(NO_QUERY_KEY));

  it('finds the same values as URLSearchParams, among any other parameters', () => {
    const pairs = fc.array(fc.tuple(fc.oneof(fc.constant('api_key'), fc.string()), fc.string()));
    fc.assert(
      fc.property(fc.string(), pairs, (pathname, parameters) => {
        const query = parameters.map((pair) => pair.map(encodeURIComponent).join('=')).join('&');
        const expected = new URLSearchParams(query).getAll('api_key');
        expect(findKey(`${pathname.replaceAll('?', '')}?${query}`).value).toBe(expected.join(','));
      }),
    );
  });

  it('throws on no text', () => {
    const text = fc.string({ unit: fc.constantFrom('?', '&', '=', '%', 'a', '2', 'é', '\ud800') });
    fc.assert(fc.property(text, (path) => void findQueryKey(path, 'a')));
  });
});

import { describe, expect, it } from 'vitest';
import { findClaim, isClaimPath } from './claim-path.ts';

describe('a dotted claim path', () => {
  it('leads into objects', () => {
    expect(findClaim({ a: { b: { c: 1 } } }, 'a.b.c')).toBe(1);
    expect(findClaim({ a: { b: 1 } }, 'a.b.c')).toBeUndefined();
  });

  it('does not lead into lists', () => {
    expect(findClaim({ a: ['x'] }, 'a.0')).toBeUndefined();
    expect(findClaim({ a: ['x'] }, 'a.length')).toBeUndefined();
  });

  it('is the name of a claim if there is a claim with exactly that name', () => {
    expect(findClaim({ 'a.b': 1, a: { b: 2 } }, 'a.b')).toBe(1);
    expect(findClaim({ 'https://example.com/roles': ['x'] }, 'https://example.com/roles')).toEqual(['x']);
  });

  it('does not find properties that every object inherits', () => {
    for (const path of ['constructor', 'constructor.name', '__proto__', 'a.toString', '/constructor', '/a/__proto__']) {
      expect(findClaim({ a: {} }, path)).toBeUndefined();
    }
  });
});

describe('a JSON Pointer', () => {
  // The document of RFC 6901, section 5.
  const document = {
    foo: ['bar', 'baz'],
    '': 0,
    'a/b': 1,
    'c%d': 2,
    'e^f': 3,
    'g|h': 4,
    'i\\j': 5,
    'k"l': 6,
    ' ': 7,
    'm~n': 8,
  };

  it.each<readonly [string, unknown]>([
    ['/foo', ['bar', 'baz']],
    ['/foo/0', 'bar'],
    ['/', 0],
    ['/a~1b', 1],
    ['/c%d', 2],
    ['/e^f', 3],
    ['/g|h', 4],
    ['/i\\j', 5],
    ['/k"l', 6],
    ['/ ', 7],
    ['/m~0n', 8],
  ])('%s finds what RFC 6901 says', (path, value) => {
    expect(isClaimPath(path)).toBe(true);
    expect(findClaim(document, path)).toEqual(value);
  });

  it('reaches names with dots and slashes at any depth, in objects and in lists', () => {
    const claims = {
      'kubernetes.io': { pod: { 'app.kubernetes.io/name': 'shop' } },
      resource_access: { 'my.client': { roles: ['admin'] } },
      orgs: [{ id: 'a' }, { 'https://example.com/id': 'b', tags: [['x', 'y']] }],
    };
    expect(findClaim(claims, '/kubernetes.io/pod/app.kubernetes.io~1name')).toBe('shop');
    expect(findClaim(claims, '/resource_access/my.client/roles')).toEqual(['admin']);
    expect(findClaim(claims, '/orgs/1/https:~1~1example.com~1id')).toBe('b');
    expect(findClaim(claims, '/orgs/1/tags/0/1')).toBe('y');
  });

  it('unescapes ~01 to ~1 and not to a slash', () => {
    expect(findClaim({ 'a~1b': 1, 'a/b': 2 }, '/a~01b')).toBe(1);
  });

  it.each([
    '/foo/2',
    '/foo/-',
    '/foo/01',
    '/foo/+1',
    '/foo/1.0',
    '/foo/length',
    '/foo/',
    '/foo/0/0',
    '/bar',
    '/foo/99999999999',
  ])('%s finds nothing', (path) => expect(findClaim(document, path)).toBeUndefined());

  it('is the name of a claim if there is a claim with exactly that name', () => {
    expect(findClaim({ '/roles': 1, roles: 2 }, '/roles')).toBe(1);
  });

  it.each(['/~', '/a~', '/a~2b', '/a~/b', '/~~0', '/a/b~x'])('must not be %s', (path) => {
    expect(isClaimPath(path)).toBe(false);
  });

  it('is only a path that begins with a slash', () => {
    for (const path of ['sub', 'a~b', 'a.b', 'https://example.com/~ann']) expect(isClaimPath(path)).toBe(true);
  });
});

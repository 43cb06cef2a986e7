import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAmbiguousPath } from './ambiguous-path.ts';
import { parseRoutePath } from './parse-route-path.ts';
import { DEFAULT_ROUTE_POLICY, type Route } from './route.ts';
import { AMBIGUOUS_PATH, RouteTable } from './route-table.ts';

type Fields = Partial<Pick<Route, 'hosts' | 'methods'>>;

/** A route that is named after its path. */
function createRoute(path: string, { hosts = [], methods = [] }: Fields = {}): Route {
  const segments = parseRoutePath(path);
  if (typeof segments === 'string') throw new Error(`${path}: ${segments}`);
  return { name: [...methods, ...hosts, path].join(' '), hosts, methods, segments, require: [] };
}

function createTable(routes: readonly Route[], ambiguousPaths: 'deny' | 'opaque' = 'deny'): RouteTable {
  const table = new RouteTable({ ...DEFAULT_ROUTE_POLICY, ambiguousPaths });
  for (const route of routes) expect(table.add(route)).toBeUndefined();
  return table;
}

/** The name of the route of a request, or `ambiguous`. */
function find(table: RouteTable, path: string, method = 'GET', host = 'example.com'): string | undefined {
  const route = table.find(host, method, path);
  return route === AMBIGUOUS_PATH ? 'ambiguous' : route?.name;
}

describe('a route table', () => {
  it.for<[path: string, route: string | undefined]>([
    ['/', '/'],
    ['/v1/users', '/v1/users'],
    ['/v1/users?q=/v1/users/me', '/v1/users'],
    ['/v1/users/5', '/v1/users/{id}'],
    ['/v1/users/me', '/v1/users/me'],
    ['/v1/users/5/keys', '/v1/users/{id}/keys'],
    ['/v1/users/me/keys', '/v1/users/{id}/keys'],
    ['/v1/users/5/other', undefined],
    ['/v1', undefined],
    ['/V1/users', undefined],
    ['/static', undefined],
    ['/static/a', '/static/**'],
    ['/static/a/b.css', '/static/**'],
    ['/static/admin/log', '/static/admin/{file}'],
    ['/x/b/c', '/{x}/b/c'],
    ['/a/b/c', '/{x}/b/c'],
    ['/a/b/d', '/a/{x}/{y}'],
    ['/caf%C3%A9', '/café'],
    ['/a%3Ab', '/a:b'],
    ['/a:b', '/a:b'],
  ])('finds for %s the route %s', ([path, route]) => {
    const table = createTable(
      [
        ...['/', '/v1/users', '/v1/users/{id}', '/v1/users/me', '/v1/users/{id}/keys'],
        ...['/static/**', '/static/admin/{file}', '/{x}/b/c', '/a/{x}/{y}', '/café', '/a:b'],
      ].map((each) => createRoute(each)),
    );
    expect(find(table, path)).toBe(route);
  });

  it('matches methods exactly, with HEAD as GET, and falls back to a route for every method', () => {
    const table = createTable([
      createRoute('/a', { methods: ['GET', 'PUT'] }),
      createRoute('/a'),
      createRoute('/{x}', { methods: ['DELETE'] }),
      createRoute('/b', { methods: ['GET'] }),
      createRoute('/c', { methods: ['GET'] }),
      createRoute('/c', { methods: ['HEAD'] }),
    ]);
    expect(['GET', 'PUT', 'HEAD', 'POST', 'get'].map((method) => find(table, '/a', method))).toEqual([
      ...['GET PUT /a', 'GET PUT /a', 'GET PUT /a', '/a', '/a'],
    ]);
    // No literal route has the method.
    expect(find(table, '/b', 'DELETE')).toBe('DELETE /{x}');
    expect(find(table, '/b', 'POST')).toBeUndefined();
    expect(['GET', 'HEAD'].map((method) => find(table, '/c', method))).toEqual(['GET /c', 'HEAD /c']);
  });

  it('prefers routes of the host, then those of its longest wildcard, then those for every host', () => {
    const table = createTable([
      createRoute('/a/{x}', { hosts: ['api.example.com'] }),
      createRoute('/a/b', { hosts: ['*.example.com'] }),
      createRoute('/**', { hosts: ['*.eu.example.com'] }),
      createRoute('/a/b'),
      createRoute('/other'),
    ]);
    const byHost = (host: string, path = '/a/b') => find(table, path, 'GET', host);
    for (const host of ['api.example.com', 'API.Example.com', 'api.example.com:443', 'api.example.com.:8080']) {
      expect(byHost(host)).toBe('api.example.com /a/{x}');
    }
    expect(byHost('web.example.com')).toBe('*.example.com /a/b');
    expect(byHost('web.eu.example.com')).toBe('*.eu.example.com /**');
    for (const host of ['example.com', 'example.org', '', '[::1]:80']) expect(byHost(host)).toBe('/a/b');
    expect(byHost('api.example.com', '/other')).toBe('/other');
  });

  it('returns the route that has the same host, path and method already', () => {
    const table = new RouteTable();
    const first = createRoute('/a/{x}', { methods: ['GET'], hosts: ['a.example'] });
    expect(table.add(first)).toBeUndefined();
    expect(table.add(createRoute('/a/{y}', { methods: ['PUT', 'GET'], hosts: ['a.example', 'b.example'] }))).toBe(
      first,
    );
    expect(table.add(createRoute('/a/{y}', { methods: ['PUT'], hosts: ['a.example'] }))).toBeUndefined();
    expect(table.add(createRoute('/a/{y}', { methods: ['GET'] }))).toBeUndefined();
    expect(table.size).toBe(3);
  });

  it.for([
    ...['//', '//a', '/a//b', '/a//', '/./a', '/a/.', '/a/..', '/../a', '/a/../b', '/..', '/a/%2e%2e/b', '/a/.%2E/b'],
    ...['/a%2Fb', '/a%2fb', '/a%5Cb', '/a%5cb', '/a\\b', '/a;b', '/a;', '/a/;/b', '/a/..;/b', '/a%3Bb', '/a#b'],
    ...['/%61', '/%41', '/%7a', '/%30', '/%2d', '/%2E', '/%5f', '/%7E', '/a%00', '/a\0', '/a%0a', '/a\n', '/a b', '/é'],
    ...['/a%', '/a%2', '/a%zz', '/a%C0%AF', '/a%ff', 'a', 'http://example.com/a', '\\a'],
  ])('takes %j for ambiguous', (path) => {
    const table = createTable([createRoute('/**')]);
    expect(find(table, path)).toBe('ambiguous');
    expect(find(table, `${path}?q`)).toBe('ambiguous');
    expect(find(createTable([createRoute('/**')], 'opaque'), path)).toBe(path.startsWith('/') ? '/**' : undefined);
  });

  it.for([
    '/a.b',
    '/a..b',
    '/...',
    '/a%20b',
    '/a%25b',
    '/a%252fb',
    '/a%3Fb',
    '/%E2%82%AC',
    "/a!$&'()*+,=:@-._~",
    '/a?//..;#',
  ])('does not take %j for ambiguous', (path) => {
    expect(find(createTable([createRoute('/**')]), path)).toBe('/**');
  });

  it('takes a slash at the end for ambiguous where the path without it is another route', () => {
    const table = createTable(['/a', '/b/', '/c/{x}', '/d/**', '/d/e', '/f', '/f/'].map((path) => createRoute(path)));
    expect(find(table, '/a/')).toBe('ambiguous');
    expect(find(table, '/b/')).toBe('/b/');
    expect(find(table, '/b')).toBeUndefined();
    expect(find(table, '/c/5/')).toBe('ambiguous');
    expect(find(table, '/c/')).toBeUndefined();
    expect(find(table, '/d/other/')).toBe('/d/**');
    expect(find(table, '/d/e/')).toBe('ambiguous');
    expect([find(table, '/f'), find(table, '/f/')]).toEqual(['/f', '/f/']);
    expect(find(table, '/unknown/')).toBeUndefined();
    expect(find(createTable([createRoute('/a')], 'opaque'), '/a/')).toBeUndefined();
  });

  it('has no route for requests without a path: OPTIONS * and CONNECT', () => {
    const table = createTable([createRoute('/**')]);
    expect(find(table, '*', 'OPTIONS')).toBeUndefined();
    expect(find(table, '', 'CONNECT')).toBeUndefined();
  });

  it('finds routes of hosts of 64 KiB', () => {
    const table = createTable([createRoute('/a', { hosts: ['*.example.com'] }), createRoute('/a')]);
    expect(find(table, '/a', 'GET', `${'x'.repeat(65_536)}.example.com`)).toBe('*.example.com /a');
    expect(find(table, '/a', 'GET', `${'.'.repeat(65_536)}.example.com`)).toBe('*.example.com /a');
    expect(find(table, '/a', 'GET', '.'.repeat(65_536))).toBe('/a');
  });

  it('finds routes of paths of 64 KiB and of 10,000 segments', () => {
    const table = createTable(['/a/{x}', '/a/**', '/a/b/c/d'].map((path) => createRoute(path)));
    expect(find(table, `/a/${'x'.repeat(65_536)}`)).toBe('/a/{x}');
    expect(find(table, `/a${'/b'.repeat(10_000)}`)).toBe('/a/**');
    expect(find(table, `/a/${'%C3%A9'.repeat(10_000)}`)).toBe('/a/{x}');
    expect(find(table, '/'.repeat(65_536))).toBe('ambiguous');
    expect(find(table, `/a/${'%'.repeat(65_536)}`)).toBe('ambiguous');
  });
});

describe('a path of random characters', () => {
  it('is ambiguous in a table exactly if isAmbiguousPath says so, or for a slash at its end', () => {
    const table = createTable([createRoute('/**')]);
    const character = fc.oneof(
      fc.constantFrom('/', '.', '%', ';', '\\', '#', '%2f', '%2E', '%41', '%20', '%C3%A9', '%C3', 'a', '~', 'é', ' '),
      fc.string({ minLength: 1, maxLength: 1 }),
    );
    const property = fc.property(fc.array(character, { maxLength: 8 }), (characters) => {
      const path = `/${characters.join('')}`.replace(/\?.*/s, '');
      const isEmptyAtEnd = path.length > 1 && path.endsWith('/');
      const isAmbiguous = find(table, path) === 'ambiguous';
      if (isEmptyAtEnd) expect(isAmbiguous || !isAmbiguousPath(path)).toBe(true);
      else expect(isAmbiguous).toBe(isAmbiguousPath(path));
    });
    fc.assert(property, { numRuns: 5_000 });
  });
});

describe('a route table of random routes', () => {
  const text = fc.constantFrom('a', 'b', 'c', 'é');
  const segment = fc.oneof({ arbitrary: text, weight: 3 }, { arbitrary: fc.constant('{x}'), weight: 2 });
  const routePath = fc
    .tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(([segments, isOpen]) => {
      return `/${[...segments, ...(isOpen ? ['**'] : [])].join('/')}`;
    });
  const hosts = fc.constantFrom<readonly string[]>([], ['a.example'], ['*.example'], ['*.b.example', 'c.example']);
  const methods = fc.constantFrom<readonly string[]>([], ['GET'], ['POST', 'PUT'], ['HEAD']);
  const route = fc.record({ path: routePath, hosts, methods });
  const request = fc.record({
    path: fc.array(text, { minLength: 1, maxLength: 6 }).map((texts) => `/${texts.map(encodeURIComponent).join('/')}`),
    host: fc.constantFrom('a.example', 'x.example', 'x.b.example', 'c.example:80', 'other'),
    method: fc.constantFrom('GET', 'HEAD', 'POST', 'DELETE'),
  });

  it('finds what a search through all routes finds', () => {
    const property = fc.property(
      fc.array(route, { maxLength: 30 }),
      fc.array(request, { maxLength: 20 }),
      (candidates, requests) => {
        const table = new RouteTable();
        // Routes that others cover already are left out.
        const routes = candidates
          .map(({ path, ...fields }) => createRoute(path, fields))
          .filter((each, index, all) => !all.slice(0, index).some((other) => overlap(each, other)));
        for (const each of routes) expect(table.add(each)).toBeUndefined();
        for (const { host, method, path } of requests) {
          expect(table.find(host, method, path)).toBe(findSlowly(routes, host, method, path));
        }
      },
    );
    fc.assert(property, { numRuns: 2_000 });
  });
});

function overlap(one: Route, other: Route): boolean {
  const share = (these: readonly string[], those: readonly string[]) =>
    (these.length === 0 && those.length === 0) || these.some((each) => those.includes(each));
  const shape = ({ segments }: Route) => JSON.stringify(segments);
  return shape(one) === shape(other) && share(one.hosts, other.hosts) && share(one.methods, other.methods);
}

/** Compares every route with the request, and ranks those that match. */
function findSlowly(routes: readonly Route[], host: string, method: string, path: string): Route | undefined {
  const name = host.replace(/:.*$/, '');
  const texts = path.slice(1).split('/').map(decodeURIComponent);
  const ranked = routes
    .map((route) => ({ route, rank: rank(route, name, method, texts) }))
    .filter(({ rank }) => rank !== undefined)
    .sort((one, other) => compare(other.rank ?? [], one.rank ?? []));
  return ranked[0]?.route;
}

/**
 * Returns numbers. The first that differ decide: the length of the host's name, the number of literals, then where
 * they are, how long the pattern is, and how the method matched. undefined: the route does not match.
 */
function rank(route: Route, host: string, method: string, texts: readonly string[]): readonly number[] | undefined {
  const hostRanks = route.hosts.map((name) => {
    if (name === host) return 1000;
    return name.startsWith('*') && host.endsWith(name.slice(1)) ? name.length : -1;
  });
  const hostRank = route.hosts.length === 0 ? 0 : Math.max(...hostRanks);
  const methodRank = rankMethod(route, method);
  const { segments } = route;
  const isOpen = segments.at(-1)?.kind === 'rest';
  const fixed = isOpen ? segments.slice(0, -1) : segments;
  const fits = isOpen ? texts.length > fixed.length : texts.length === fixed.length;
  if (hostRank < 0 || methodRank < 0 || !fits) return undefined;
  if (!fixed.every((segment, index) => segment.kind !== 'literal' || segment.text === texts[index])) return undefined;
  const literals = fixed.map(({ kind }) => (kind === 'literal' ? 2 : 1));
  const count = literals.filter((each) => each === 2).length;
  return [hostRank, count, ...pad(literals), methodRank];
}

function rankMethod({ methods }: Route, method: string): number {
  if (methods.includes(method)) return 2;
  if (method === 'HEAD' && methods.includes('GET')) return 1;
  return methods.length === 0 ? 0 : -1;
}

/** A literal before a parameter, and either before the rest. */
function pad(literals: readonly number[]): readonly number[] {
  return [...literals, ...Array.from({ length: 8 - literals.length }, () => 0)];
}

function compare(one: readonly number[], other: readonly number[]): number {
  for (const [index, number] of one.entries()) {
    const difference = number - (other[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

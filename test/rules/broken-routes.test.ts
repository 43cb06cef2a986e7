import { describe, expect, it } from 'vitest';
import { parseRoutes } from '../../src/rules/routes/parse-routes.ts';
import { formatFault } from '../../src/rules/yaml/rules-fault.ts';

/** The faults of a file with one route of these lines, without the name of the file. */
function findFaults(text: string): readonly string[] {
  const parsed = parseRoutes('routes.yaml', text);
  return 'faults' in parsed ? parsed.faults.map((fault) => formatFault(fault).replace('routes.yaml:', '')) : [];
}

const route = (fields: string) => `routes:\n  - {name: a, ${fields}}\n`;

describe('a file of routes', () => {
  it('is read with all its fields', () => {
    const parsed = parseRoutes(
      'routes.yaml',
      `ambiguous_paths: opaque
unmatched: deny
routes:
  - name: get-user
    hosts: [api.example.com, "*.example.org", "[::1]", 192.0.2.1]
    methods: [GET, PUT]
    path: /v1/users/{id}
    cost: 10
    auth: required
    require: [export, read:orders, 42]
    rate_limit: off
  - {name: health, path: /healthz, auth: none}
  - {name: files, path: "/files/**", auth: optional, cost: 0}
  - {name: root, path: /}
`,
    );
    const literal = (text: string) => ({ kind: 'literal', text });
    expect(parsed).toEqual({
      file: 'routes.yaml',
      policy: { ambiguousPaths: 'opaque', unmatched: 'deny' },
      routes: [
        {
          name: 'get-user',
          hosts: ['api.example.com', '*.example.org', '[::1]', '192.0.2.1'],
          methods: ['GET', 'PUT'],
          segments: [literal('v1'), literal('users'), { kind: 'parameter' }],
          cost: 10,
          auth: 'required',
          require: ['export', 'read:orders', '42'],
          rateLimit: 'off',
        },
        { name: 'health', hosts: [], methods: [], segments: [literal('healthz')], auth: 'none', require: [] },
        {
          name: 'files',
          hosts: [],
          methods: [],
          segments: [literal('files'), { kind: 'rest' }],
          auth: 'optional',
          cost: 0,
          require: [],
        },
        { name: 'root', hosts: [], methods: [], segments: [literal('')], require: [] },
      ],
    });
  });

  it.for<[text: string, faults: readonly string[]]>([
    ['routes: {}', ['1:9: routes: must be a list (got a mapping)']],
    ['unmatched: deny', ['1:1: routes: must be a list (got nothing)']],
    ['routes: []\nunmatchd: deny', ['2:1: unmatchd: unknown field; did you mean unmatched?']],
    ['routes: []\nunmatched: maybe', ['2:12: unmatched: must be allow or deny (got "maybe")']],
    ['routes: []\nambiguous_paths: true', ['2:18: ambiguous_paths: must be deny or opaque (got true)']],
    ['routes: [x]', ['1:10: routes[0]: must be a mapping with a name and a path (got "x")']],
    [route('path: /a, methds: [GET]'), ['2:25: routes[0].methds: unknown field; did you mean methods?']],
    [route(''), ['2:5: routes[0].path: must be a string that is not empty (got nothing)']],
    ['routes:\n  - {path: /a}', ['2:5: routes[0].name: must be a string that is not empty (got nothing)']],
    [
      'routes:\n  - {name: "a b", path: /a}',
      ['2:12: routes[0].name: must be 1 to 255 visible ASCII characters, as in the routes of limits (got "a b")'],
    ],
    ...(
      [
        ['a', 'must begin with "/"'],
        ['/a//b', 'must not have an empty segment, except at its end'],
        ['/a/../b', 'must not have dot segments, which clients and proxies resolve'],
        ['/a/./b', 'must not have dot segments, which clients and proxies resolve'],
        ['/a?b', 'must be a path without "?" and what follows it'],
        ['/a%20b', 'must be written without percent-encoding: Weir decodes the paths of requests'],
        ['/a;b', 'must not contain ";", which servers read in different ways'],
        ['/a b', 'must not contain white space or control characters'],
        ['/a/*', 'must have "*" only as "**", its last segment; {name} stands for one segment'],
        ['/**/a', 'must have "**" only as its last segment'],
        ['/a/{id}:x', 'must have a parameter only as a whole segment, such as {id}'],
        ['/a/{}', 'must have a parameter only as a whole segment, such as {id}'],
      ] as const
    ).map(([path, fault]): [string, readonly string[]] => [
      route(`path: "${path}"`),
      [`2:21: routes[0].path: ${fault} (got "${path}")`],
    ]),
    [
      route('path: /a, hosts: [API.example.com]'),
      [
        '2:33: routes[0].hosts[0]: must be a host without a port, such as api.example.com or *.example.com, in lower case (got "API.example.com")',
      ],
    ],
    [route('path: /a, hosts: []'), ['2:32: routes[0].hosts: must be a list of 1 to 64 items (got 0)']],
    [route('path: /a, methods: GET'), ['2:34: routes[0].methods: must be a list of 1 to 64 items (got "GET")']],
    [
      route('path: /a, methods: [get]'),
      ['2:35: routes[0].methods[0]: must be a method in upper case, such as GET (got "get")'],
    ],
    [route('path: /a, methods: [GET, GET]'), ['2:40: routes[0].methods[1]: must be listed once (got "GET")']],
    [route('path: /a, cost: -1'), ['2:31: routes[0].cost: must be a whole number from 0 to 4294967295 (got -1)']],
    [route('path: /a, auth: maybe'), ['2:31: routes[0].auth: must be required, optional or none (got "maybe")']],
    [route('path: /a, rate_limit: true'), ['2:37: routes[0].rate_limit: must be on or off (got true)']],
    [
      route('path: /a, auth: optional, require: [x]'),
      ['2:50: routes[0].require: must be left out if auth is "optional": features need a credential'],
    ],
    [
      route('path: /a, auth: none, cost: 5, rate_limit: on'),
      [
        '2:43: routes[0].cost: must be left out if auth is "none": no plan is charged',
        '2:58: routes[0].rate_limit: must be left out if auth is "none": no plan is charged',
      ],
    ],
    [
      'routes:\n  - {name: a, path: "/{x}"}\n  - {name: b, path: "/{y}"}',
      ['3:5: routes[1]: must differ in host, path or method from the routes before it ("a" has them already)'],
    ],
  ])('%j has the faults %j', ([text, faults]) => {
    expect(findFaults(text)).toEqual(faults);
  });
});

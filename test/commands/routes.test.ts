import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { runWeir } from './run-weir.ts';

const folder = await mkdtemp(path.join(tmpdir(), 'weir-routes-'));

async function write(name: string, text: string): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, text);
  return file;
}

const OPENAPI = `openapi: 3.1.0
info: {title: Shop, version: '1'}
servers: [{url: 'https://api.example.com/v1/'}]
security: [{key: []}]
paths:
  /users:
    parameters: []
    get: {operationId: listUsers, responses: {}}
    post: {operationId: create user, responses: {}}
  /users/{user id}:
    summary: One user
    get: {responses: {}}
  /health:
    get: {operationId: health, security: []}
  /open:
    get: {operationId: open, security: [{}, {key: []}]}
  /users/{id}:activate:
    post: {operationId: activate}
  /shared: {$ref: './shared.yaml'}
  x-extension: {get: {operationId: none}}
`;

describe('weir routes --from-openapi', () => {
  it('writes a table that check-routes accepts', async () => {
    const file = await write('openapi.yaml', OPENAPI);
    const { code, out, err } = await runWeir(['routes', '--from-openapi', file]);
    expect([code, err]).toEqual([0, '']);
    expect(out.split('\n').slice(1)).toEqual([
      '# POST "/v1/users/{id}:activate" is left out: the path must have a parameter only as a whole segment, such as {id}',
      '# "/shared" is left out: write out its $ref',
      'routes:',
      '  - {"name":"listUsers","methods":["GET"],"path":"/v1/users"}',
      '  - {"name":"create-user","methods":["POST"],"path":"/v1/users"}',
      '  - {"name":"get-/v1/users/{user-id}","methods":["GET"],"path":"/v1/users/{user_id}"}',
      '  - {"name":"health","methods":["GET"],"path":"/v1/health","auth":"none"}',
      '  - {"name":"open","methods":["GET"],"path":"/v1/open","auth":"optional"}',
      '',
    ]);
    const table = await write('table.yaml', out);
    expect(await runWeir(['check-routes', table])).toEqual({
      code: 0,
      out: `${table}: 5 routes, no faults\n`,
      err: '',
    });
  });

  it('reads JSON, and version 2 with its basePath', async () => {
    const file = await write('openapi.json', JSON.stringify({ basePath: '/api', paths: { '/a': { get: {} } } }));
    expect((await runWeir(['routes', '--from-openapi', file])).out).toContain('"path":"/api/a"');
  });

  it.for<[name: string, text: string, fault: string]>([
    ['no.yaml', 'a: [', 'invalid YAML'],
    ['list.yaml', '[]', 'must be a mapping'],
    ['empty.yaml', 'openapi: 3.1.0', 'paths: must be a mapping'],
    ['twice.yaml', 'paths: {"/a/{x}": {get: {}}, "/a/{y}": {get: {}}}', 'must differ in host, path or method'],
  ])('rejects the document %s', async ([name, text, fault]) => {
    const { code, out, err } = await runWeir(['routes', '--from-openapi', await write(name, text)]);
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain(fault);
  });
});

describe('weir check-routes', () => {
  it('prints each fault with its position, also those between two files', async () => {
    const broken = await write('broken.yaml', 'routes:\n  - {name: a, path: /a, auht: none}\n');
    const { code, err } = await runWeir(['check-routes', broken]);
    expect([code, err]).toEqual([1, `${broken}:2:25: routes[0].auht: unknown field; did you mean auth?\n`]);

    const both = await mkdtemp(path.join(tmpdir(), 'weir-routes-'));
    await writeFile(path.join(both, 'a.yaml'), 'unmatched: deny\nroutes: [{name: a, path: "/{x}"}]');
    await writeFile(
      path.join(both, 'b.yaml'),
      'unmatched: allow\nroutes: [{name: b, path: "/{y}"}, {name: c, path: /c}]',
    );
    const b = path.join(both, 'b.yaml');
    expect((await runWeir(['check-routes', both])).err).toBe(
      `${b}:1:1: unmatched: must be the same in all files (${path.join(both, 'a.yaml')} has another value)\n` +
        `${b}:1:1: routes[0]: must differ in host, path or method from the routes before it ("a" has them already)\n`,
    );
  });

  it('lists what a folder has that is not read', async () => {
    const some = await mkdtemp(path.join(tmpdir(), 'weir-routes-'));
    await writeFile(path.join(some, 'a.yaml'), 'routes: [{name: a, path: /a}]');
    await writeFile(path.join(some, 'notes.txt'), '');
    expect((await runWeir(['check-routes', some])).out).toBe(
      `${some}: 1 route, no faults\npassed over: notes.txt (not *.yaml or *.yml)\n`,
    );
  });
});

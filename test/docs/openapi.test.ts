import { readFileSync } from 'node:fs';
import { fromJson } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { buildDocument } from '../../scripts/openapi/build-document.ts';
import { REQUEST_EXAMPLES, RESPONSE_EXAMPLES } from '../../scripts/openapi/examples.ts';
import { readHttpRules } from '../../scripts/openapi/http-rules.ts';
import { getMessageRegistry } from '../../src/admin/methods/message-registry.ts';
import { listApiMethods, toPath } from '../admin/http/api-methods.ts';

const text = readFileSync('docs/openapi.yaml', 'utf8');

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { operationId?: string }>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, object>>>>;
}

const document: Document = parse(text);

/** All `$ref` in a value. */
function listReferences(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    key === '$ref' && typeof item === 'string' ? [item] : listReferences(item),
  );
}

describe('docs/openapi.yaml', () => {
  it('is what npm run openapi writes', () => {
    expect(text === buildDocument(), 'docs/openapi.yaml is not up to date: npm run openapi').toBe(true);
  });

  it('has every method of the admin API, as Weir serves it', () => {
    const paths = Object.keys(document.paths).filter((path) => path.startsWith('/weir.'));
    expect(paths.sort()).toEqual(listApiMethods().map(toPath).sort());
  });

  it('refers only to what it defines, and defines only what it refers to', () => {
    const references = new Set(listReferences(document));
    const defined = ['schemas', 'responses'].flatMap((kind) =>
      Object.keys(document.components[kind] ?? {}).map((name) => `#/components/${kind}/${name}`),
    );
    expect([...references].sort()).toEqual(defined.sort());
  });

  it('gives every operation an id of its own', () => {
    const ids = Object.values(document.paths).flatMap((path) =>
      Object.values(path).flatMap(({ operationId }) => operationId ?? []),
    );
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.for(Object.entries({ ...REQUEST_EXAMPLES }))(
    'has an example of %s that the method can read',
    ([name, example]) => {
      const method = listApiMethods().find(({ parent, name: own }) => `${parent.name}/${own}` === name);
      if (method === undefined) throw new Error(`no such method: ${name}`);
      expect(() => fromJson(method.input, example, { registry: getMessageRegistry() })).not.toThrow();
      const answer = RESPONSE_EXAMPLES[name];
      if (answer !== undefined) expect(() => fromJson(method.output, answer)).not.toThrow();
    },
  );
});

describe('a REST path', () => {
  it('is there for every method', () => {
    for (const method of listApiMethods()) expect(readHttpRules(method).length).toBeGreaterThan(0);
  });

  it('has no secret in a query: URLs are in logs', () => {
    const inQueries = listApiMethods().flatMap((method) =>
      readHttpRules(method)
        .filter(({ body }) => body !== '*')
        .flatMap(({ body }) =>
          method.input.fields.flatMap(({ name }) => (name === body ? [] : `${method.name} ${name}`)),
        ),
    );
    expect(inQueries.filter((field) => /password|secret|code|email|header_value|(?<!page_)token$/.test(field))).toEqual(
      [],
    );
  });
});

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);

const DEFINITION = `
kind: CustomResourceDefinition
spec:
  group: example.com
  names: {kind: Policy}
  versions:
    - name: v1
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              required: [backend]
              properties:
                backend: {type: object, properties: {port: {type: integer, maximum: 10, exclusiveMaximum: true}}}
                free: {type: object, x-kubernetes-preserve-unknown-fields: true}
                size: {x-kubernetes-int-or-string: true}
`;

/** Finds the faults of a policy with the definition above, as `npm run check:deploy` does. */
async function findFaults(spec: object): Promise<readonly string[]> {
  const resource = { apiVersion: 'example.com/v1', kind: 'Policy', metadata: { name: 'a' }, spec };
  const program = `
    import { ResourceSchemas } from './scripts/deploy/manifests/resource-schemas.mjs';
    const schemas = new ResourceSchemas();
    schemas.addDefinitions(${JSON.stringify(DEFINITION)});
    process.stdout.write(JSON.stringify(schemas.findFaults(${JSON.stringify(resource)})));`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program]);
  return JSON.parse(stdout);
}

it('accepts a resource with the fields of its schema', async () => {
  expect(await findFaults({ backend: { port: 9 }, free: { any: 1 }, size: '5%' })).toEqual([]);
});

it('names the fields of a manifest that the schema does not have, and wrong values', async () => {
  expect(await findFaults({ backend: { prot: 9 }, backends: [] })).toEqual([
    'spec: must not have the field "backends"',
    'spec.backend: must not have the field "prot"',
  ]);
  expect(await findFaults({ backend: { port: 10 } })).toEqual(['spec.backend.port: must be < 10']);
  expect(await findFaults({ size: true })).toEqual([
    "spec: must have required property 'backend'",
    'spec.size: must be integer,string',
  ]);
});

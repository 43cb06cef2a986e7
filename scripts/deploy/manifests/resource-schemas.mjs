// Validates Kubernetes resources by the schemas of their kinds. A field that a schema does not have is a fault: Kubernetes
// would drop it, and the manifest would do less than it says.
import { Ajv } from 'ajv';
import { parseAllDocuments } from 'yaml';

/** Keywords of Kubernetes' schemas that are no JSON Schema. The rules in CEL are not evaluated. */
const KUBERNETES_KEYWORDS = [
  'x-kubernetes-validations',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-int-or-string',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-group-version-kind',
  'x-kubernetes-patch-merge-key',
  'x-kubernetes-patch-strategy',
  'x-kubernetes-unions',
  'example',
];

/** Compiles a pattern of a schema, which is written for Go. */
function compilePattern(pattern, flags) {
  return pattern.startsWith('^(?i)') ? new RegExp(`^${pattern.slice(5)}`, `${flags}i`) : new RegExp(pattern, flags);
}
compilePattern.code = 'compilePattern'; // Ajv's type requires it; only generated modules use it

/** The schemas of kinds, by API version and kind. */
export class ResourceSchemas {
  #ajv = new Ajv({
    strict: false,
    allErrors: true,
    validateFormats: false,
    keywords: KUBERNETES_KEYWORDS,
    code: { regExp: compilePattern },
  });
  #schemas = new Map();
  #validators = new Map();

  /** Adds the kinds of a file with CustomResourceDefinitions. */
  addDefinitions(text) {
    for (const document of parseAllDocuments(text)) {
      const definition = document.toJS();
      if (definition?.kind !== 'CustomResourceDefinition') continue;
      const { group, names, versions } = definition.spec;
      for (const { name, schema } of versions) {
        this.#schemas.set(`${group}/${name} ${names.kind}`, closeObjects(schema.openAPIV3Schema, true));
      }
    }
  }

  /** Adds the kinds of a group of Kubernetes itself, from its OpenAPI document. */
  addOpenApi(text) {
    const { components } = JSON.parse(text);
    const schemas = {};
    for (const [name, schema] of Object.entries(components.schemas)) schemas[name] = closeObjects(schema, false);
    for (const [name, schema] of Object.entries(components.schemas)) {
      for (const { group, version, kind } of schema['x-kubernetes-group-version-kind'] ?? []) {
        const apiVersion = group === '' ? version : `${group}/${version}`;
        const closed = { $ref: `#/components/schemas/${name}`, components: { schemas } };
        if (!this.#schemas.has(`${apiVersion} ${kind}`)) this.#schemas.set(`${apiVersion} ${kind}`, closed);
      }
    }
  }

  /** Returns the faults of a resource; none if it is valid. */
  findFaults(resource) {
    const name = `${resource?.apiVersion} ${resource?.kind}`;
    const schema = this.#schemas.get(name);
    if (schema === undefined) return [`kind: must be one that a schema exists for (got "${name}")`];
    if (!this.#validators.has(name)) this.#validators.set(name, this.#ajv.compile(schema));
    const validate = this.#validators.get(name);
    return validate(resource) ? [] : validate.errors.map(describeError);
  }
}

/** Fields of every resource. Some definitions leave them out. */
const RESOURCE_FIELDS = {
  apiVersion: { type: 'string' },
  kind: { type: 'string' },
  metadata: { type: 'object', required: ['name'] },
};

/** Returns a schema in which objects have no fields but those that it lists. */
function closeObjects(schema, isTop) {
  if (typeof schema !== 'object' || schema === null) return schema;
  if (Array.isArray(schema)) return schema.map((item) => closeObjects(item, false));
  if (schema['x-kubernetes-int-or-string'] === true || schema.format === 'int-or-string') {
    return { type: ['integer', 'string'] };
  }
  const closed = { ...schema };
  // In OpenAPI 3.0, these say whether the bound next to them is exclusive.
  for (const [bound, flag] of [
    ['minimum', 'exclusiveMinimum'],
    ['maximum', 'exclusiveMaximum'],
  ]) {
    if (typeof schema[flag] !== 'boolean') continue;
    delete closed[flag];
    if (schema[flag]) closed[flag] = schema[bound];
  }
  if (schema.properties !== undefined) {
    closed.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([name, property]) => [name, closeObjects(property, false)]),
    );
    if (isTop) closed.properties = { ...closed.properties, ...RESOURCE_FIELDS };
    const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true || schema.additionalProperties !== undefined;
    if (!isOpen) closed.additionalProperties = false;
  }
  if (schema.items !== undefined) closed.items = closeObjects(schema.items, false);
  if (typeof schema.additionalProperties === 'object') {
    closed.additionalProperties = closeObjects(schema.additionalProperties, false);
  }
  if (schema.allOf?.some(({ $ref }) => $ref !== undefined)) closed.allOf = closeObjects(schema.allOf, false);
  if (schema.nullable === true && typeof schema.type === 'string') closed.type = [schema.type, 'null'];
  return closed;
}

function describeError({ instancePath, message, params }) {
  const field = instancePath.slice(1).replaceAll('/', '.') || 'resource';
  if (params.additionalProperty !== undefined)
    return `${field}: must not have the field "${params.additionalProperty}"`;
  const allowed = params.allowedValues === undefined ? '' : `: ${params.allowedValues.join(', ')}`;
  return `${field}: ${message}${allowed}`;
}

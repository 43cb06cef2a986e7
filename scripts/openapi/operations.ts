import type { DescField, DescMessage, DescMethodUnary } from '@bufbuild/protobuf';
import { findRoom } from '../../src/admin/limits/open-methods.ts';
import { readComment } from './comments.ts';
import { REQUEST_EXAMPLES, RESPONSE_EXAMPLES } from './examples.ts';
import type { HttpRule } from './http-rules.ts';
import type { Schema, SchemaCollector } from './schemas.ts';

/** An OpenAPI operation. */
export type Operation = Readonly<Record<string, unknown>>;

/** The tag of REST operations. They are not served by Weir itself. */
export function restTag(service: string): string {
  return `${service} (REST)`;
}

/** Describes a method as Weir serves it: a POST to its path. */
export function describeCall(method: DescMethodUnary, schemas: SchemaCollector): Operation {
  const name = shortName(method);
  const request = jsonContent(schemas.refer(method.input), REQUEST_EXAMPLES[name]);
  return {
    ...describeMethod(method),
    tags: [method.parent.name],
    operationId: `${method.parent.name}_${method.name}`,
    requestBody: { required: true, content: request },
    responses: {
      200: { description: 'OK', content: jsonContent(schemas.refer(method.output), RESPONSE_EXAMPLES[name]) },
      ...errorResponses('Error', findRoom(name) === undefined),
    },
  };
}

/** Describes a REST binding of a method. `index` numbers the bindings of a method. */
export function describeRest(
  method: DescMethodUnary,
  rule: HttpRule,
  index: number,
  schemas: SchemaCollector,
): Operation {
  const body = describeBody(method.input, rule, schemas);
  return {
    ...describeMethod(method),
    tags: [restTag(method.parent.name)],
    operationId: `${method.parent.name}_${method.name}_rest${index === 0 ? '' : index + 1}`,
    parameters: [...rule.parameters.map(describePathParameter), ...listQueryParameters(method.input, rule, schemas)],
    ...(body !== undefined && { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
    responses: {
      200: { description: 'OK', content: jsonContent(schemas.refer(method.output)) },
      ...errorResponses('StatusError', findRoom(shortName(method)) === undefined),
    },
  };
}

function shortName({ parent, name }: DescMethodUnary): string {
  return `${parent.name}/${name}`;
}

/** Parts that both forms of a method have. */
function describeMethod(method: DescMethodUnary): Operation {
  const description = readComment(method);
  const summary = (/^[^.]*/.exec(description)?.[0] ?? method.name).replaceAll('`', '');
  const name = shortName(method);
  // Logout takes a refresh token in the request, or an access token.
  const isOptional = name === 'AuthService/Logout';
  const security = findRoom(name) === undefined ? undefined : isOptional ? [{ accessToken: [] }, {}] : [];
  return { summary, description, ...(security !== undefined && { security }) };
}

function jsonContent(schema: Schema, example?: unknown): Schema {
  return { 'application/json': { schema, ...(example !== undefined && { example }) } };
}

function errorResponses(name: 'Error' | 'StatusError', needsToken: boolean): Schema {
  const refer = (response: string) => ({ $ref: `#/components/responses/${response}` });
  return {
    400: refer(name),
    ...(needsToken && { 401: refer(name), 403: refer(name) }),
    429: refer(name),
    default: refer(name),
  };
}

function describePathParameter(name: string): Schema {
  return { name, in: 'path', required: true, description: `The id of the ${name}.`, schema: { type: 'string' } };
}

/** Fields that are neither in the path nor in the body. */
function listQueryParameters(input: DescMessage, rule: HttpRule, schemas: SchemaCollector): readonly Schema[] {
  if (rule.body === '*') return [];
  const bound = new Set(rule.boundFields.map((field) => field.split('.')[0]));
  const fields = input.fields.filter(({ name }) => !bound.has(name) && name !== rule.body);
  return fields.map((field) => {
    const { description, ...schema } = schemas.describeField(field);
    return { name: field.jsonName, in: 'query', ...(description !== undefined && { description }), schema };
  });
}

function describeBody(
  input: DescMessage,
  { body, boundFields }: HttpRule,
  schemas: SchemaCollector,
): Schema | undefined {
  if (body === undefined) return undefined;
  if (body !== '*') {
    const field = input.fields.find(({ name }) => name === body);
    if (field?.message === undefined) throw new Error(`${input.typeName} has no message ${body}`);
    return schemas.refer(field.message);
  }
  const isFree = ({ name }: DescField) => !boundFields.includes(name);
  const properties = input.fields.filter(isFree).map((field) => [field.jsonName, schemas.describeField(field)]);
  return { type: 'object', properties: Object.fromEntries(properties) };
}

import { isUtf8 } from 'node:buffer';
import {
  type DescField,
  type DescMessage,
  fromJson,
  fromJsonString,
  type JsonValue,
  ScalarType,
  toBinary,
} from '@bufbuild/protobuf';
import { invalidArgument } from '../../domain/api-error.ts';
import type { FieldFault } from '../../domain/validation/field-fault.ts';
import { getMessageRegistry } from '../methods/message-registry.ts';
import { MAX_VALUES, TOO_MANY_VALUES } from '../server/bound-values.ts';

/** Longer names of unknown fields are cut off. They are the caller's text. */
const MAX_NAME_LENGTH = 64;

const [QUOTE, BACKSLASH, COMMA, BRACE, BRACKET] = Buffer.from('"\\,{[');

type JsonObject = Readonly<Record<string, JsonValue>>;

/**
 * Translates a request from Protobuf's JSON form to its binary form. Throws `invalid` with the first field that is unknown or
 * has a wrong type. Messages repeat no value: it may be a secret.
 */
export function encodeJsonRequest(schema: DescMessage, body: Uint8Array): Uint8Array {
  if (!isUtf8(body)) throw invalidArgument({ field: 'request', description: 'must be JSON in UTF-8' });
  if (hasTooManyValues(body)) throw invalidArgument(TOO_MANY_VALUES);
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString();
  try {
    return toBinary(schema, fromJsonString(schema, text, { registry: getMessageRegistry() }));
  } catch {
    throw invalidArgument(describeFault(schema, text));
  }
}

/** Counts objects, lists and what follows a comma: about as many as there are values. */
function hasTooManyValues(body: Uint8Array): boolean {
  let values = 0;
  let isInText = false;
  for (let i = 0; i < body.length; i++) {
    const byte = body[i];
    if (byte === QUOTE) isInText = !isInText;
    else if (isInText) {
      if (byte === BACKSLASH) i++;
    } else if (byte === COMMA || byte === BRACE || byte === BRACKET) values++;
  }
  return values > MAX_VALUES;
}

function describeFault(schema: DescMessage, text: string): FieldFault {
  let json: JsonValue;
  try {
    json = JSON.parse(text);
  } catch {
    return { field: 'request', description: 'must be JSON' };
  }
  const description = 'must be a JSON object in the form of the method, without repeated keys and deep nesting';
  return findFault(schema, json, 'request', '') ?? { field: 'request', description };
}

/** Finds the fault of a message. `prefix` comes before the names of its fields. */
function findFault(schema: DescMessage, json: JsonValue, path: string, prefix: string): FieldFault | undefined {
  if (!isObject(json)) return { field: path, description: 'must be an object' };
  for (const [key, value] of Object.entries(json)) {
    const field = findField(schema, key);
    if (field === undefined) {
      const description = `is unknown: ${schema.name} has no such field`;
      return { field: prefix + key.slice(0, MAX_NAME_LENGTH), description };
    }
    if (!isDecodable(schema, { [key]: value })) return findFieldFault(schema, field, value, prefix + field.name);
  }
  return findConflict(schema, Object.keys(json), path);
}

function findField({ fields }: DescMessage, key: string): DescField | undefined {
  return fields.find(({ name, jsonName }) => key === name || key === jsonName);
}

/** Finds fields that exclude each other. */
function findConflict(schema: DescMessage, keys: readonly string[], path: string): FieldFault | undefined {
  for (const { fields } of schema.oneofs) {
    const set = fields.filter((field) => keys.some((key) => findField(schema, key) === field));
    const names = set.map(({ name }) => name).join(', ');
    if (set.length > 1) return { field: path, description: `must have only one of ${names}` };
  }
  return undefined;
}

function findFieldFault(schema: DescMessage, field: DescField, json: JsonValue, path: string): FieldFault {
  if (field.fieldKind === 'list') {
    if (!Array.isArray(json)) return { field: path, description: 'must be a list' };
    const index = json.findIndex((item) => !isDecodable(schema, { [field.name]: [item] }));
    return findValueFault(field, json[index] ?? null, `${path}[${index}]`);
  }
  return findValueFault(field, json, path);
}

function findValueFault(field: DescField, json: JsonValue, path: string): FieldFault {
  const own = field.message?.typeName.startsWith('google.protobuf.') ? undefined : field.message;
  const nested = own && findFault(own, json, path, `${path}.`);
  return nested ?? { field: path, description: `must be ${describeForm(field)}` };
}

function isDecodable(schema: DescMessage, json: JsonObject): boolean {
  try {
    fromJson(schema, json, { registry: getMessageRegistry() });
    return true;
  } catch {
    return false;
  }
}

function isObject(json: JsonValue): json is Record<string, JsonValue> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** Forms of messages that JSON writes in their own way. */
const FORMS_OF_MESSAGES: Readonly<Record<string, string>> = {
  'google.protobuf.Timestamp': 'a time such as "2026-11-30T12:00:00Z"',
  'google.protobuf.Duration': 'a duration such as "60s"',
};

function describeForm(field: DescField): string {
  if (field.fieldKind === 'map') return 'an object whose values have the form of the field';
  if (field.message) return FORMS_OF_MESSAGES[field.message.typeName] ?? 'an object';
  if (field.enum)
    return `one of ${field.enum.values
      .filter(({ number }) => number !== 0)
      .map(({ name }) => name)
      .join(', ')}`;
  return describeScalar(field.scalar ?? ScalarType.STRING);
}

function describeScalar(scalar: ScalarType): string {
  switch (scalar) {
    case ScalarType.STRING:
      return 'a string';
    case ScalarType.BOOL:
      return 'true or false';
    case ScalarType.BYTES:
      return 'a string in base64';
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return 'a number';
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return 'a whole number from 0 to 4294967295';
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return 'a whole number that is not negative';
    default:
      return 'a whole number';
  }
}

import { type DescEnum, type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { readComment } from './comments.ts';

export interface Schema {
  readonly [keyword: string]: unknown;
}

/** Well-known types that Protobuf's JSON form writes in their own way. */
const WELL_KNOWN: Readonly<Record<string, Schema>> = {
  'google.protobuf.Any': {
    type: 'object',
    properties: { '@type': { type: 'string' } },
    additionalProperties: true,
  },
  'google.protobuf.BoolValue': { type: 'boolean', nullable: true },
  'google.protobuf.Duration': { type: 'string', example: '60s' },
  'google.protobuf.Empty': { type: 'object' },
  'google.protobuf.ListValue': { type: 'array', items: {} },
  'google.protobuf.Struct': { type: 'object', additionalProperties: true },
  'google.protobuf.Timestamp': { type: 'string', format: 'date-time' },
  'google.protobuf.UInt32Value': { type: 'integer', format: 'int64', minimum: 0, nullable: true },
  'google.protobuf.UInt64Value': { type: 'string', format: 'uint64', nullable: true },
  'google.protobuf.Value': {},
};

/** Collects the schemas of messages for `components/schemas`. */
export class SchemaCollector {
  readonly #schemas = new Map<string, Schema>();

  /** All schemas so far, by name. */
  get schemas(): Readonly<Record<string, Schema>> {
    return Object.fromEntries([...this.#schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Returns a reference to the schema of a message, and adds it and those that it refers to. */
  refer(message: DescMessage): Schema {
    const wellKnown = WELL_KNOWN[message.typeName];
    if (wellKnown !== undefined) return wellKnown;
    if (message.typeName.startsWith('google.protobuf.')) throw new Error(`no schema for ${message.typeName}`);
    const name = message.typeName.replace('weir.admin.v1.', '');
    if (!this.#schemas.has(name)) {
      this.#schemas.set(name, {}); // a message may contain itself
      this.#schemas.set(name, this.#describe(message));
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  /** The schema of a field, with its comment. */
  describeField(field: DescField): Schema {
    const description = [readComment(field), listValues(field.enum)].filter((text) => text !== '').join('\n\n');
    const form = this.#findForm(field);
    if (description === '') return form;
    // A reference ignores what stands next to it (OpenAPI 3.0).
    return '$ref' in form ? { description, allOf: [form] } : { description, ...form };
  }

  #describe(message: DescMessage): Schema {
    const description = [readComment(message), ...message.oneofs.map(describeOneof)].filter((text) => text !== '');
    const properties = message.fields.map((field) => [field.jsonName, this.describeField(field)] as const);
    return {
      type: 'object',
      ...(description.length > 0 && { description: description.join('\n\n') }),
      ...(properties.length > 0 && { properties: Object.fromEntries(properties) }),
    };
  }

  #findForm(field: DescField): Schema {
    switch (field.fieldKind) {
      case 'list':
        return { type: 'array', items: this.#findItemForm(field) };
      case 'map':
        return { type: 'object', additionalProperties: this.#findItemForm(field) };
      default:
        return this.#findItemForm(field);
    }
  }

  #findItemForm({ message, enum: named, scalar = ScalarType.STRING }: DescField): Schema {
    if (message !== undefined) return this.refer(message);
    return named === undefined ? describeScalar(scalar) : describeEnum(named);
  }
}

function describeOneof({ name, fields }: DescMessage['oneofs'][number]): string {
  if (name.startsWith('_')) return ''; // a field that is marked as optional
  return `At most one of ${fields.map(({ jsonName }) => `\`${jsonName}\``).join(', ')}.`;
}

function describeEnum(desc: DescEnum): Schema {
  return { type: 'string', enum: findUsedValues(desc).map(({ name }) => name) };
}

/** A list of the values of an enum that have comments. */
function listValues(desc: DescEnum | undefined): string {
  const values = desc === undefined ? [] : findUsedValues(desc);
  const lines = values.map((value) => ({ name: value.name, comment: readComment(value) }));
  return lines.flatMap(({ name, comment }) => (comment === '' ? [] : `- \`${name}\`: ${comment}`)).join('\n');
}

function findUsedValues({ values }: DescEnum): DescEnum['values'] {
  return values.filter(({ name }) => !name.endsWith('UNSPECIFIED'));
}

function describeScalar(scalar: ScalarType): Schema {
  switch (scalar) {
    case ScalarType.BOOL:
      return { type: 'boolean' };
    case ScalarType.BYTES:
      return { type: 'string', format: 'byte' };
    case ScalarType.STRING:
      return { type: 'string' };
    case ScalarType.DOUBLE:
      return { type: 'number', format: 'double' };
    case ScalarType.FLOAT:
      return { type: 'number', format: 'float' };
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return { type: 'string', format: 'int64' };
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return { type: 'string', format: 'uint64' };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return { type: 'integer', format: 'int64', minimum: 0, maximum: 4_294_967_295 };
    default:
      return { type: 'integer', format: 'int32' };
  }
}

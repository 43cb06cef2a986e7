import {
  create,
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Message,
  type Registry,
} from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';

/** A text that must not reach the log. */
export const MARKER = 'the-marker-of-this-test';
const ID = '0d4a3b52-7b53-4d3e-8f0e-3c1f3f0d0c11';
const INT64_MAX = 2n ** 63n - 1n;
const base64url = (text: string) => Buffer.from(text).toString('base64url');

/** Texts for every field. Some are longer than what an index of Postgres takes. */
const COMMON_TEXTS = ['', '\0', `${MARKER}\0`, 'é'.repeat(1_900), MARKER.repeat(400), `-1${MARKER}`];
/** Texts for the fields whose names match. With `npm run test:attacks`, all fields get all of them. */
const TEXTS: readonly { readonly fields: RegExp; readonly texts: readonly string[] }[] = [
  {
    fields: /name$|^parent$|^plan$|account|^api_key$|_id$|^issuer$/,
    texts: ['plans/free\0', `apiKeys/${ID}\0`, 'accounts/%00', `accounts/${'%F0%9F%98%80'.repeat(200)}`, '*', '%', "'"],
  },
  {
    fields: /name$|text|reason|value|^key$/,
    texts: ['a'.repeat(100_000), '\u{1f600}'.repeat(700), `${MARKER}\u202e`, '\u{10ffff}', '1e999', '9'.repeat(400)],
  },
  {
    fields: /^filter$/,
    texts: [
      ...['display_name:"', `display_name : "${'é'.repeat(1_500)}"`, `display_name:"\0${MARKER}"`, 'hint:"\0"'],
      ...['hint="\u{10ffff}"', 'expire_time < "0000-01-01T00:00:00Z"', 'create_time<"0000-12-31T00:00:00Z"'],
      ...['expire_time>"9999-12-31T23:59:59-23:59"', 'last_used_time>"9999-12-31T23:59:59-23:59"'],
      ...['expire_time < "2030-02-30T25:61:61Z"', 'account = "accounts/\0"', `route = "${'é'.repeat(1_900)}"`],
      ...['create_time>="0001-01-01T00:00:00+23:59"', 'create_time<="9999-12-31T23:59:59-23:59"', 'status>=999'],
    ],
  },
  {
    fields: /mask$/,
    texts: [
      'displayName,\0',
      Array.from({ length: 10_000 }, () => 'displayName').join(','),
      'a.b.c',
      'plan.limits.routes',
      '*',
    ],
  },
  {
    fields: /duration|ttl|overlap|window|block_for|period|time_zone|lease/,
    texts: ['9999999999999d', '-1s', '0s', '3650d', '1e3s', '9999-12', '0001-01-01', '0000-01', 'Etc/GMT+24', '+23:59'],
  },
  {
    fields: /token|secret|password|code|etag|digest/,
    texts: [
      'eyJhbGciOiJub25lIn0.e30.',
      'wr_'.padEnd(68, 'a'),
      'wk_live_'.padEnd(36, '0'),
      'a'.repeat(60_000),
      '000000',
    ],
  },
  {
    fields: /page_token/,
    texts: [base64url(ID), base64url('team \0'), base64url(`["",1e300,"","","",""]`), 'AAAA', '////'],
  },
];
const ALL_TEXTS = [...new Set([...COMMON_TEXTS, ...TEXTS.flatMap(({ texts }) => texts)])];

/** By the number of the type. */
const NUMBERS: Readonly<Record<number, readonly unknown[]>> = {
  1: [Number.NaN, Number.POSITIVE_INFINITY, -0, 1e308, -1],
  2: [Number.NaN, Number.POSITIVE_INFINITY, -1],
  3: [INT64_MAX, -INT64_MAX - 1n, 2n ** 53n, -1n],
  4: [2n ** 64n - 1n, 2n ** 53n, 1n],
  5: [2 ** 31 - 1, -(2 ** 31), -1],
  8: [true],
  12: [new Uint8Array([0]), new Uint8Array(100_000), new Uint8Array([0xff, 0xfe])],
  13: [2 ** 32 - 1, 2 ** 31, 1],
};
const TEXT_TYPE = 9;
const SECONDS = [
  ...[-62_135_596_801n, -62_135_596_800n, 253_402_300_799n, 253_402_300_800n, 8_640_000_000_001n, 0n],
  ...[INT64_MAX, -INT64_MAX - 1n, 2n ** 53n, -(2n ** 53n)],
];
/** Times of a resource that callers cannot set. */
const SET_BY_SERVER = /^(?:create|update|delete|last_.*|first_.*)_time$/;
const NANOS = [0, -1, 999_999_999, 2 ** 31 - 1];

export interface Extremes {
  readonly registry: Registry;
  /** Every value for every field, and not only those that are made for it. */
  readonly isWhole: boolean;
  /** Whether the fields of messages in lists get values too, such as the limits of a plan. */
  readonly includesLists: boolean;
}

/** Returns requests that differ from `base` in one field, at any depth, which has an extreme value. */
export function* extremeMessages(schema: DescMessage, base: JsonValue, options: Extremes): Generator<Message> {
  for (const path of listFieldPaths(schema, options.includesLists, 4)) {
    for (const value of listValues(path.at(-1), options.isWhole)) {
      const message = fromJson(schema, base, { registry: options.registry });
      if (setAt(reflect(schema, message), path, value)) yield message;
    }
  }
}

function listFieldPaths(schema: DescMessage, includesLists: boolean, depth: number): DescField[][] {
  return schema.fields.flatMap((field) => {
    const isEntered = depth > 1 && (includesLists || field.fieldKind === 'message');
    const nested = isEntered ? findNested(field) : undefined;
    const below = nested ? listFieldPaths(nested, includesLists, depth - 1) : [];
    return [[field], ...below.map((path) => [field, ...path])];
  });
}

/** The message that a field holds, or each item of a list. */
function findNested(field: DescField): DescMessage | undefined {
  const isNested = field.fieldKind === 'message' || (field.fieldKind === 'list' && field.listKind === 'message');
  return isNested && field.message && !field.message.typeName.startsWith('google.protobuf.')
    ? field.message
    : undefined;
}

function listValues(field: DescField | undefined, isWhole: boolean): readonly unknown[] {
  if (field?.fieldKind === 'enum') return [-1, 99, 2 ** 31 - 1];
  if (field?.fieldKind === 'scalar') return listScalars(field, field.scalar, isWhole);
  if (field?.fieldKind === 'list' && field.listKind === 'scalar') {
    return listScalars(field, field.scalar, isWhole).map((value) => [value]);
  }
  if (field?.fieldKind === 'message' && field.message.typeName === 'google.protobuf.Timestamp') {
    const times = SECONDS.flatMap((seconds) => NANOS.map((nanos) => ({ seconds, nanos })));
    if (isWhole) return times;
    const isFew = SET_BY_SERVER.test(field.name);
    return times.filter((_, index) => index < NANOS.length || (!isFew && index % NANOS.length === 0));
  }
  return [];
}

function listScalars({ name, parent }: DescField, scalar: number, isWhole: boolean): readonly unknown[] {
  if (scalar !== TEXT_TYPE) return NUMBERS[scalar] ?? [];
  // Envoy's messages have many texts, and all of them are read in the same way.
  if (parent.typeName.startsWith('envoy.')) return COMMON_TEXTS;
  if (isWhole) return ALL_TEXTS;
  return [...COMMON_TEXTS, ...TEXTS.flatMap(({ fields, texts }) => (fields.test(name) ? texts : []))];
}

/** Sets the field at the end of a path. Returns whether it could be set. */
function setAt(message: ReflectMessage, [field, ...rest]: readonly DescField[], value: unknown): boolean {
  if (field === undefined) return false;
  if (rest.length > 0) return setNested(message, field, rest, value);
  if (field.fieldKind === 'list') {
    for (const item of value as readonly never[]) message.get(field).add(item);
  } else if (field.fieldKind === 'message') {
    message.set(field, reflect(field.message, create(field.message, value as Record<string, unknown>)));
  } else message.set(field, value as never);
  return true;
}

/** Of a list, only the first item is changed. */
function setNested(message: ReflectMessage, field: DescField, rest: readonly DescField[], value: unknown): boolean {
  const schema = findNested(field);
  if (schema === undefined) return false;
  if (field.fieldKind === 'list') {
    const list = message.get(field);
    if (list.size === 0) list.add(reflect(schema) as never);
    const item = list.get(0) as ReflectMessage; // findNested() returns a message only for lists of messages
    return setAt(item, rest, value);
  }
  if (field.fieldKind !== 'message') return false;
  const nested = message.isSet(field) ? message.get(field) : reflect(field.message);
  if (!setAt(nested, rest, value)) return false;
  message.set(field, nested);
  return true;
}

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { loadSync } from '@grpc/proto-loader';
import { describe, expect, it } from 'vitest';

/** The JSON form of google.protobuf.DescriptorProto, as proto-loader returns it. */
interface MessageDescriptor {
  readonly name: string;
  readonly field: readonly { name: string; number: number; type: string; label: string; typeName: string }[];
  readonly nestedType: readonly MessageDescriptor[];
  readonly enumType: readonly EnumDescriptor[];
}

interface EnumDescriptor {
  readonly name: string;
  readonly value: readonly { name: string; number: number }[];
}

/** Maps every field and enum value of Envoy's packages, as `message.field`, to its form on the wire. */
type Contract = Map<string, string>;

const SNAPSHOT = path.resolve('node_modules/@grpc/grpc-js-xds/deps');
const SNAPSHOT_FOLDERS = ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map((name) => {
  return path.join(SNAPSHOT, name);
});

function loadContract(files: readonly string[], includeDirs: string[]): ReadonlyMap<string, string> {
  const contract: Contract = new Map();
  const definition = loadSync([...files], { includeDirs, keepCase: true });
  for (const [name, part] of Object.entries(definition)) {
    if (!name.startsWith('envoy.') || !('type' in part)) continue;
    // proto-loader types descriptors as `object`; these fields show which kind it is.
    if ('field' in part.type) addMessage(contract, name, part.type as unknown as MessageDescriptor);
    else if ('value' in part.type) addEnum(contract, name, part.type as unknown as EnumDescriptor);
  }
  return contract;
}

function addMessage(contract: Contract, name: string, message: MessageDescriptor): void {
  for (const field of message.field) {
    // A few of Envoy's fields, such as HttpStatus.code, are enums. On the wire an enum is an int32.
    const type = field.type === 'TYPE_ENUM' ? 'TYPE_INT32' : field.type;
    contract.set(`${name}.${field.name}`, `${field.number} ${type} ${field.label}`);
  }
  for (const nested of message.nestedType) addMessage(contract, `${name}.${nested.name}`, nested);
  for (const enumType of message.enumType) addEnum(contract, `${name}.${enumType.name}`, enumType);
}

function addEnum(contract: Contract, name: string, enumType: EnumDescriptor): void {
  for (const value of enumType.value) contract.set(`${name}.${value.name}`, String(value.number));
}

const files = readdirSync('proto/envoy', { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => path.relative('proto', path.join(entry.parentPath, entry.name)));
const weirContract = loadContract(files, ['proto']);
const envoyContract = loadContract(files, SNAPSHOT_FOLDERS);

/** Fields and values newer than the snapshot, from Envoy's API documentation. */
const NEWER = new Map([
  ['envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.hits_addend', '3 TYPE_MESSAGE LABEL_OPTIONAL'],
  ['envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.is_negative_hits', '4 TYPE_BOOL LABEL_OPTIONAL'],
  [
    'envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.RateLimitOverride.unit_multiplier',
    '3 TYPE_MESSAGE LABEL_OPTIONAL',
  ],
  ['envoy.service.auth.v3.CheckResponse.error_response', '5 TYPE_MESSAGE LABEL_OPTIONAL'],
  ['envoy.service.ratelimit.v3.RateLimitResponse.RateLimit.Unit.WEEK', '7'],
  ['envoy.service.ratelimit.v3.RateLimitResponse.RateLimit.unit_multiplier', '4 TYPE_MESSAGE LABEL_OPTIONAL'],
]);

describe('Weir’s definitions of Envoy’s messages', () => {
  it('have fields to compare', () => expect(weirContract.size).toBeGreaterThan(60));

  it.each([...weirContract])('agree with Envoy’s own on %s', (name, wireForm) => {
    expect(wireForm).toBe(envoyContract.get(name) ?? NEWER.get(name));
  });
});

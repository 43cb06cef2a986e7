import { readdirSync } from 'node:fs';
import path from 'node:path';
import { loadSync } from '@grpc/proto-loader';
import { describe, expect, it } from 'vitest';

/** As proto-loader gives it: the JSON form of google.protobuf.DescriptorProto. */
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

const snapshot = path.resolve('node_modules/@grpc/grpc-js-xds/deps');
const includeDirs = ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map((name) => path.join(snapshot, name));

/** Every field and enum value below the messages of a package, as `message.field` → what is on the wire. */
function contractOf(files: readonly string[], directories: string[]): ReadonlyMap<string, string> {
  const contract = new Map<string, string>();
  const definition = loadSync([...files], { includeDirs: directories, keepCase: true });
  for (const [name, each] of Object.entries(definition)) {
    if (!name.startsWith('envoy.') || !('type' in each)) continue;
    if ('field' in each.type)
      addMessage(contract, name, each.type as unknown as MessageDescriptor); // typed `object` there
    else if ('value' in each.type) addEnum(contract, name, each.type as unknown as EnumDescriptor); // likewise
  }
  return contract;
}

function addMessage(contract: Map<string, string>, name: string, message: MessageDescriptor): void {
  for (const field of message.field) {
    // Envoy's HttpStatus.code and a few others are enums, whose wire form is that of an int32.
    const type = field.type === 'TYPE_ENUM' ? 'TYPE_INT32' : field.type;
    contract.set(`${name}.${field.name}`, `${field.number} ${type} ${field.label}`);
  }
  for (const nested of message.nestedType) addMessage(contract, `${name}.${nested.name}`, nested);
  for (const each of message.enumType) addEnum(contract, `${name}.${each.name}`, each);
}

function addEnum(contract: Map<string, string>, name: string, each: EnumDescriptor): void {
  for (const value of each.value) contract.set(`${name}.${value.name}`, String(value.number));
}

const files = readdirSync('proto/envoy', { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => path.relative('proto', path.join(entry.parentPath, entry.name)));
const ours = contractOf(files, ['proto']);
const theirs = contractOf(files, includeDirs);

/** Newer than the snapshot; from Envoy's API documentation. */
const NEWER = new Map([
  ['envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.hits_addend', '3 TYPE_MESSAGE LABEL_OPTIONAL'],
  ['envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.is_negative_hits', '4 TYPE_BOOL LABEL_OPTIONAL'],
  ['envoy.service.ratelimit.v3.RateLimitResponse.RateLimit.Unit.WEEK', '7'],
]);

describe('our definitions of Envoy’s messages are those of Envoy’s own snapshot', () => {
  it('has fields to compare', () => expect(ours.size).toBeGreaterThan(60));
  it.each([...ours])('%s', (name, wire) => expect(wire).toBe(theirs.get(name) ?? NEWER.get(name)));
});

import { create, createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { credentials, makeClientConstructor } from '@grpc/grpc-js';

const asIs = (bytes: Uint8Array) => Buffer.from(bytes);
const Client = makeClientConstructor({}, 'reflection');

/** One question of grpc.reflection.v1 and its answer, both as bytes: the fields' numbers are the protocol's. */
function ask(address: string, question: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const client = new Client(address, credentials.createInsecure());
    const method = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
    const call = client.makeBidiStreamRequest(method, asIs, asIs);
    call.on('data', (answer: Buffer) => {
      call.end();
      client.close();
      resolve(answer);
    });
    call.on('error', reject);
    call.write(question);
  });
}

/** The values of a field of bytes, nested along a path of field numbers. */
function fieldsAt(bytes: Uint8Array, [number, ...rest]: readonly number[]): Uint8Array[] {
  if (number === undefined) return [bytes];
  const reader = new BinaryReader(bytes);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === number) found.push(...fieldsAt(reader.bytes(), rest));
    else reader.skip(wireType, field);
  }
  return found;
}

export async function servicesByReflection(address: string): Promise<string[]> {
  const answer = await ask(
    address,
    new BinaryWriter()
      .uint32((7 << 3) | 2)
      .string('*')
      .finish(),
  );
  return fieldsAt(answer, [6, 1, 1])
    .map((name) => Buffer.from(name).toString())
    .sort();
}

/** Strict: throws where a name is not in full, a dependency is missing, or a map entry is not one. */
export async function filesByReflection(address: string, symbol: string) {
  const answer = await ask(
    address,
    new BinaryWriter()
      .uint32((4 << 3) | 2)
      .string(symbol)
      .finish(),
  );
  const file = fieldsAt(answer, [4, 1]).map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
  const byName = new Map(file.map((each) => [each.name, each]));
  const sorted = new Set<(typeof file)[number]>();
  const add = (name: string) => {
    const each = byName.get(name);
    if (each === undefined) throw new Error(`${name} is missing among what came with ${symbol}`);
    if (sorted.has(each)) return;
    for (const dependency of each.dependency) add(dependency);
    sorted.add(each);
  };
  for (const name of byName.keys()) add(name);
  return createFileRegistry(create(FileDescriptorSetSchema, { file: [...sorted] }));
}

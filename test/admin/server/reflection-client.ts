import { create, createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { credentials, makeClientConstructor } from '@grpc/grpc-js';

const toBuffer = (bytes: Uint8Array) => Buffer.from(bytes);
const Client = makeClientConstructor({}, 'reflection');

/**
 * Sends one request of grpc.reflection in one of its versions. Request and response are bytes; field numbers are those of
 * the protocol.
 */
function sendRequest(address: string, request: Uint8Array, version = 'v1'): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const client = new Client(address, credentials.createInsecure());
    const method = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const call = client.makeBidiStreamRequest(method, toBuffer, toBuffer);
    call.on('data', (response: Buffer) => {
      call.end();
      client.close();
      resolve(response);
    });
    call.on('error', reject);
    call.write(request);
  });
}

/** The values of a length-delimited field, nested along a path of field numbers. */
function readFields(bytes: Uint8Array, [number, ...rest]: readonly number[]): Uint8Array[] {
  if (number === undefined) return [bytes];
  const reader = new BinaryReader(bytes);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === number) found.push(...readFields(reader.bytes(), rest));
    else reader.skip(wireType, field);
  }
  return found;
}

export async function listServices(address: string, version = 'v1'): Promise<string[]> {
  const response = await sendRequest(
    address,
    new BinaryWriter()
      .uint32((7 << 3) | 2)
      .string('*')
      .finish(),
    version,
  );
  return readFields(response, [6, 1, 1])
    .map((name) => Buffer.from(name).toString())
    .sort();
}

/** The descriptors of a symbol. Throws for an incomplete name, a missing dependency or an invalid map entry. */
export async function readDescriptors(address: string, symbol: string) {
  const response = await sendRequest(
    address,
    new BinaryWriter()
      .uint32((4 << 3) | 2)
      .string(symbol)
      .finish(),
  );
  const file = readFields(response, [4, 1]).map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
  const byName = new Map(file.map((each) => [each.name, each]));
  const sorted = new Set<(typeof file)[number]>();
  const add = (name: string) => {
    const each = byName.get(name);
    if (each === undefined) throw new Error(`${name} is missing in the response for ${symbol}`);
    if (sorted.has(each)) return;
    for (const dependency of each.dependency) add(dependency);
    sorted.add(each);
  };
  for (const name of byName.keys()) add(name);
  return createFileRegistry(create(FileDescriptorSetSchema, { file: [...sorted] }));
}

import { createFileRegistry, type FileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { DESCRIPTORS } from '../../generated/descriptors.ts';

/** undefined: no caller has needed it yet. It takes 4 MB. */
let registry: FileRegistry | undefined;

/** Returns the descriptors of all messages and services of proto/. ts-proto's code contains none. */
export function getMessageRegistry(): FileRegistry {
  registry ??= createFileRegistry(fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTORS, 'base64')));
  return registry;
}

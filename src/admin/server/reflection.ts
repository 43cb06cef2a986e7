import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { EnumTypeDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { DESCRIPTORS } from '../../generated/descriptors.ts';

/**
 * Tells callers such as grpcurl what services and messages there are, comments included. From buf's descriptors:
 * proto-loader's own have no JSON names, and would make grpcurl print `access_token`.
 */
export function createReflectionService(): ReflectionService {
  const { file } = fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTORS, 'base64'));
  const definition: EnumTypeDefinition = {
    format: 'Protocol Buffer 3 EnumDescriptorProto',
    type: {},
    fileDescriptorProtos: file.map((each) => Buffer.from(toBinary(FileDescriptorProtoSchema, each))),
  };
  // The service reads nothing of a definition but its files, and any one may carry them all.
  return new ReflectionService({ all: definition });
}

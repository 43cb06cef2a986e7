import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { EnumTypeDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { DESCRIPTORS } from '../../generated/descriptors.ts';

/**
 * Describes all services and messages, with their comments, to clients such as grpcurl. Uses buf's descriptors, because
 * those of proto-loader contain no JSON names: grpcurl would print `access_token` instead of `accessToken`.
 */
export function createReflectionService(): ReflectionService {
  const { file } = fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTORS, 'base64'));
  const files = file.filter((proto) => proto.package !== 'grpc.reflection.v1'); // clients have it already
  const definition: EnumTypeDefinition = {
    format: 'Protocol Buffer 3 EnumDescriptorProto',
    type: {},
    fileDescriptorProtos: files.map((proto) => Buffer.from(toBinary(FileDescriptorProtoSchema, proto))),
  };
  // ReflectionService reads only the files of a definition. One definition can carry all of them.
  return new ReflectionService({ all: definition });
}

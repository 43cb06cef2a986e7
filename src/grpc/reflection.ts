import { existsSync } from 'node:fs';
import path from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { type DescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { loadSync } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';

const FILES = [
  'weir/admin/v1/api_key_service.proto',
  'weir/admin/v1/auth_service.proto',
  'weir/admin/v1/plan_service.proto',
  'weir/admin/v1/token_info_service.proto',
  'envoy/service/auth/v3/external_auth.proto',
  'envoy/service/ratelimit/v3/rls.proto',
  'grpc/health/v1/health.proto',
  'google/rpc/error_details.proto',
];

/** Tells callers such as grpcurl what services and messages there are. */
export function reflection(): ReflectionService {
  const definition = loadSync(FILES, { includeDirs: [protoFolder()], keepCase: true });
  for (const each of Object.values(definition)) {
    if ('fileDescriptorProtos' in each) each.fileDescriptorProtos = each.fileDescriptorProtos.map(withJsonNames);
  }
  return new ReflectionService(definition);
}

/** proto-loader leaves the JSON names as the fields are spelt; in JSON they are lowerCamelCase, as protoc has them. */
function withJsonNames(bytes: Buffer): Buffer {
  const file = fromBinary(FileDescriptorProtoSchema, bytes);
  for (const message of file.messageType) setJsonNames(message);
  return Buffer.from(toBinary(FileDescriptorProtoSchema, file));
}

function setJsonNames(message: DescriptorProto): void {
  for (const field of message.field) {
    field.jsonName = field.name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  }
  for (const nested of message.nestedType) setJsonNames(nested);
}

/** The folder is as far above this file as it is run from: src/grpc/ or dist/src/grpc/. */
function protoFolder(): string {
  for (let folder = import.meta.dirname; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'proto');
    if (existsSync(path.join(candidate, 'weir'))) return candidate;
  }
  throw new Error('the folder proto/ is missing beside the service');
}

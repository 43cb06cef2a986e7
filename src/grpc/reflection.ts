import { existsSync } from 'node:fs';
import path from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { type AnyDefinition, loadSync, type MessageTypeDefinition } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { linkFiles } from './link-descriptors.ts';

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
  const loaded = loadSync(FILES, { includeDirs: [protoFolder()], keepCase: true });
  // Each message's definition carries the descriptors of all files, so one of them is enough.
  const message = Object.values(loaded).find(isMessage);
  if (message === undefined) throw new Error('the folder proto/ defines no message');
  const files = message.fileDescriptorProtos.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
  linkFiles(files);
  const linked = files.map((file) => Buffer.from(toBinary(FileDescriptorProtoSchema, file)));
  return new ReflectionService({ linked: { ...message, fileDescriptorProtos: linked } });
}

function isMessage(definition: AnyDefinition): definition is MessageTypeDefinition<object, object> {
  return definition.format === 'Protocol Buffer 3 DescriptorProto';
}

/** The folder is as far above this file as it is run from: src/grpc/ or dist/src/grpc/. */
function protoFolder(): string {
  for (let folder = import.meta.dirname; folder !== path.dirname(folder); folder = path.dirname(folder)) {
    const candidate = path.join(folder, 'proto');
    if (existsSync(path.join(candidate, 'weir'))) return candidate;
  }
  throw new Error('the folder proto/ is missing beside the service');
}

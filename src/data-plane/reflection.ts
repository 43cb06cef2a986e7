import { createFileRegistry, type DescFile, fromBinary, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { DESCRIPTORS } from '../generated/descriptors.ts';
import {
  type FileDescriptorResponse,
  ServerReflectionRequest,
  ServerReflectionResponse,
} from '../generated/grpc/reflection/v1/reflection.ts';
import { AbuseBudget } from '../transport/http2/abuse-budget.ts';
import { GrpcStatus, type UnaryCall } from '../transport/unary-call.ts';
import { DECISION_SERVICES, HEALTH_SERVICE, REFLECTION_SERVICES } from './health.ts';

/** Both versions of the protocol have the same messages. */
export const REFLECTION_PATHS: readonly string[] = REFLECTION_SERVICES.map((name) => `/${name}/ServerReflectionInfo`);
/** The services of the data plane that reflection describes. */
export const REFLECTED_SERVICES: readonly string[] = [...DECISION_SERVICES, HEALTH_SERVICE];
/**
 * Answers are far larger than decisions, and wait in memory for a peer that does not read them. A person with grpcurl
 * needs a few for each command.
 */
const DATA_PLANE_ANSWERS = { burst: 200, perSecond: 20 };
/** An answer repeats its request. Names of symbols and files are far shorter. */
const MAX_REQUEST_BYTES = 4096;
/** Symbols and files of the admin API. The status NOT_FOUND would hide our message: grpcurl prints its own then. */
const ADMIN_NAME = /^weir[./]/;

export const TOO_MANY_REQUESTS = 'too many reflection requests; retry later';

type Answer = ServerReflectionResponse['messageResponse'];

/** For each file: itself, then all files that it needs, as encoded FileDescriptorProtos. */
interface FileIndex {
  readonly byName: ReadonlyMap<string, FileDescriptorResponse>;
  readonly bySymbol: ReadonlyMap<string, FileDescriptorResponse>;
}

export interface ReflectionOptions {
  /** Full names of the services. Each must be defined in proto/. */
  readonly services: readonly string[];
  /**
   * Full names of further messages, which no method names because they are details of errors: clients then show their fields
   * instead of bytes. Each must be defined in proto/. undefined: none.
   */
  readonly messages?: readonly string[];
  /** How many requests are answered. */
  readonly answers: ConstructorParameters<typeof AbuseBudget>[0];
  /** Says where a symbol or file that is not described here can be found; undefined: nowhere. */
  readonly findElsewhere?: (name: string) => string | undefined;
}

/** Describes the services of the data plane. */
export function createDataPlaneReflection(): Reflection {
  return new Reflection({
    services: REFLECTED_SERVICES,
    answers: DATA_PLANE_ANSWERS,
    findElsewhere: (name) =>
      ADMIN_NAME.test(name) ? 'reflection on ADMIN_ADDRESS describes the admin API' : undefined,
  });
}

/**
 * Describes services with their comments to clients such as grpcurl
 * (https://github.com/grpc/grpc/blob/master/doc/server-reflection.md).
 *
 * The method is a stream of requests and answers, but the transport serves unary calls only. So a stream ends after its
 * first answer, which the protocol allows a server at any time. Clients open another stream for their next request.
 */
export class Reflection {
  readonly #options: ReflectionOptions;
  /** undefined: nobody has asked yet. It takes 5 MB, and few processes are ever asked. */
  #files: FileIndex | undefined;
  readonly #budget: AbuseBudget;

  constructor(options: ReflectionOptions) {
    this.#options = options;
    this.#budget = new AbuseBudget(options.answers);
  }

  answer(call: UnaryCall): void {
    if (call.message.length > MAX_REQUEST_BYTES) {
      call.fail(GrpcStatus.INVALID_ARGUMENT, `the request must be at most ${MAX_REQUEST_BYTES} bytes`);
      return;
    }
    let request: ServerReflectionRequest;
    try {
      request = ServerReflectionRequest.decode(call.message);
    } catch {
      call.fail(GrpcStatus.INVALID_ARGUMENT, 'the request is not a well-formed ServerReflectionRequest');
      return;
    }
    if (!this.#budget.spend(1, performance.now())) {
      call.fail(GrpcStatus.RESOURCE_EXHAUSTED, TOO_MANY_REQUESTS);
      return;
    }
    const messageResponse = this.#findAnswer(request);
    const response = { validHost: request.host, originalRequest: request, messageResponse };
    call.reply(ServerReflectionResponse.encode(response).finish());
  }

  #findAnswer({ messageRequest }: ServerReflectionRequest): Answer {
    switch (messageRequest?.$case) {
      case 'listServices':
        return { $case: 'listServicesResponse', value: { service: this.#options.services.map((name) => ({ name })) } };
      case 'fileByFilename':
        return this.#answerFiles('byName', messageRequest.value);
      case 'fileContainingSymbol':
        return this.#answerFiles('bySymbol', messageRequest.value);
      case 'fileContainingExtension':
        return answerError(`${messageRequest.value.containingType}: has no extensions`);
      case 'allExtensionNumbersOfType':
        return answerError(`${messageRequest.value}: has no extensions`);
      default:
        return answerError('message_request: must be set');
    }
  }

  #answerFiles(index: keyof FileIndex, key: string): Answer {
    this.#files ??= indexFiles(this.#options);
    const files = this.#files[index].get(key);
    if (files !== undefined) return { $case: 'fileDescriptorResponse', value: files };
    const elsewhere = this.#options.findElsewhere?.(key);
    if (elsewhere === undefined) return answerError(`${key}: not found`);
    return answerError(`${key}: ${elsewhere}`, GrpcStatus.FAILED_PRECONDITION);
  }
}

function answerError(errorMessage: string, errorCode: GrpcStatus = GrpcStatus.NOT_FOUND): Answer {
  return { $case: 'errorResponse', value: { errorCode, errorMessage } };
}

/** Indexes the files that define the services and messages, and all that they need, by file name and by symbol. */
function indexFiles({ services, messages = [] }: ReflectionOptions): FileIndex {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTORS, 'base64')));
  const byName = new Map<string, FileDescriptorResponse>();
  for (const name of [...services, ...messages]) {
    const file = registry.get(name)?.file;
    if (file === undefined) throw new Error(`${name}: must be defined in proto/`);
    for (const needed of withDependencies(file)) byName.set(`${needed.name}.proto`, encodeFiles(needed));
  }
  const bySymbol = new Map<string, FileDescriptorResponse>();
  for (const type of registry) {
    const files = byName.get(`${type.file.name}.proto`);
    if (files === undefined) continue;
    bySymbol.set(type.typeName, files);
    const methods = type.kind === 'service' ? type.methods : [];
    for (const { name } of methods) bySymbol.set(`${type.typeName}.${name}`, files);
  }
  return { byName, bySymbol };
}

function encodeFiles(file: DescFile): FileDescriptorResponse {
  const files = [...withDependencies(file)];
  return { fileDescriptorProto: files.map(({ proto }) => Buffer.from(toBinary(FileDescriptorProtoSchema, proto))) };
}

/** Collects a file and, recursively, the files that it imports. */
function withDependencies(file: DescFile, found: Set<DescFile> = new Set()): ReadonlySet<DescFile> {
  if (found.has(file)) return found;
  found.add(file);
  for (const dependency of file.dependencies) withDependencies(dependency, found);
  return found;
}

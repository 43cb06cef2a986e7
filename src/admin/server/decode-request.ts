import { type DescMessage, type DescMethod, fromBinary } from '@bufbuild/protobuf';
import { isReflectMessage, type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { type ApiError, invalidArgument } from '../../domain/api-error.ts';
import { getMessageRegistry } from '../methods/message-registry.ts';
import { type MethodDefinition, mapHandlers, type UnaryService } from '../methods/unary-service.ts';
import { hasTooManyValues, MAX_VALUES, TOO_MANY_VALUES } from './bound-values.ts';

/** A request that could not be decoded. The handler gets it in place of the request. */
export class UndecodableRequest {
  readonly error: ApiError;

  constructor(error: ApiError) {
    this.error = error;
  }
}

/** Rejects requests that could not be decoded, with an ApiError that names the field. */
export function rejectUndecodable(service: UnaryService): UnaryService {
  return mapHandlers(service, (_, handle) => async (request: unknown, context) => {
    if (request instanceof UndecodableRequest) throw request.error;
    // `never` is safe: the definition that decoded the request is the handler's own.
    return handle(request as never, context);
  });
}

/** Decodes a request for a handler of `rejectUndecodable`. */
export function decodeRequest(
  method: Pick<MethodDefinition, 'path' | 'requestDeserialize'>,
  message: Uint8Array,
): unknown {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.length);
  // No value takes less than a byte. The descriptors are needed for larger messages only.
  if (bytes.length > MAX_VALUES) {
    const schema = findMethod(method.path)?.input;
    if (schema !== undefined && hasTooManyValues(schema, bytes)) {
      return new UndecodableRequest(invalidArgument(TOO_MANY_VALUES));
    }
  }
  try {
    return method.requestDeserialize(bytes);
  } catch {
    return new UndecodableRequest(describeFault(method.path, bytes));
  }
}

function findMethod(path: string): DescMethod | undefined {
  const [, service = '', name] = path.split('/');
  return getMessageRegistry()
    .getService(service)
    ?.methods.find((method) => method.name === name);
}

/** Finds the field whose number ts-proto cannot hold. A message that is malformed as a whole has no such field. */
function describeFault(path: string, bytes: Buffer): ApiError {
  const method = findMethod(path);
  const field = method === undefined ? undefined : findUnsafeNumber(method.input, bytes);
  if (field === undefined) {
    return invalidArgument({ field: 'request', description: 'must be a message in the form of the method' });
  }
  const description = `must be from ${Number.MIN_SAFE_INTEGER} to ${Number.MAX_SAFE_INTEGER}`;
  return invalidArgument({ field, description });
}

/** The path of the first field that is unsafe. undefined: there is none, or the message is malformed. */
function findUnsafeNumber(schema: DescMessage, bytes: Buffer): string | undefined {
  try {
    return searchMessage(reflect(schema, fromBinary(schema, bytes)));
  } catch {
    return undefined;
  }
}

function searchMessage(message: ReflectMessage): string | undefined {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    if (field.fieldKind === 'list') {
      for (const [index, item] of [...message.get(field)].entries()) {
        const found = searchValue(item, `${field.name}[${index}]`);
        if (found !== undefined) return found;
      }
    } else {
      const found = searchValue(message.get(field), field.name);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function searchValue(value: unknown, path: string): string | undefined {
  if (typeof value === 'bigint') return isSafe(value) ? undefined : path;
  if (!isReflectMessage(value)) return undefined;
  const nested = searchMessage(value);
  // The parts of a timestamp or a duration are no fields of the API.
  return nested === undefined || value.desc.typeName.startsWith('google.protobuf.')
    ? nested && path
    : `${path}.${nested}`;
}

function isSafe(value: bigint): boolean {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
}

import { createFileRegistry, type DescMessage, fromBinary, fromJson, toBinary, toJson } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { quoteName } from '../../domain/validation/found-value.ts';
import { DESCRIPTORS } from '../../generated/descriptors.ts';
import { InvalidRequest } from '../wire/decode-message.ts';
import { checkJsonSize } from './check-json-size.ts';

const REQUEST = 'envoy.service.ratelimit.v3.RateLimitRequest';
const RESPONSE = 'envoy.service.ratelimit.v3.RateLimitResponse';

/** Converts RateLimitRequest and RateLimitResponse between JSON and protobuf. */
export interface RateLimitJson {
  /** Returns the encoded RateLimitRequest. Throws InvalidRequest, naming the field, if the text is not its JSON form. */
  parseRequest(text: string): Uint8Array;
  /** `message` is an encoded RateLimitResponse. */
  formatResponse(message: Uint8Array): { readonly text: string; readonly overLimit: boolean };
}

/**
 * Follows the JSON form of proto3 (https://protobuf.dev/programming-guides/json/) as `/json` of envoyproxy/ratelimit
 * does: requests with unknown fields are rejected, and responses leave out fields with their default value.
 */
export function createRateLimitJson(): RateLimitJson {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTORS, 'base64')));
  const findMessage = (name: string): DescMessage => {
    const message = registry.getMessage(name);
    if (message === undefined) throw new Error(`the descriptors do not contain ${name}`);
    return message;
  };
  const [request, response] = [findMessage(REQUEST), findMessage(RESPONSE)];
  return {
    parseRequest(text) {
      const value = parseJson(text);
      checkJsonSize(value);
      try {
        return toBinary(request, fromJson(request, value));
      } catch (error) {
        throw new InvalidRequest(
          error instanceof Error ? redactValues(error.message) : `body: must be the JSON form of ${REQUEST}`,
        );
      }
    },
    formatResponse(message) {
      const json = toJson(response, fromBinary(response, message));
      const code = typeof json === 'object' && json !== null && 'overallCode' in json ? json.overallCode : undefined;
      return { text: JSON.stringify(json), overLimit: code === 'OVER_LIMIT' };
    },
  };
}

function parseJson(text: string): Parameters<typeof fromJson>[1] {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The rest of V8's message quotes the text.
    const [position = ''] = / at position \d+/.exec(error instanceof Error ? error.message : '') ?? [];
    throw new InvalidRequest(`body: must be JSON (got a syntax error${position})`);
  }
}

/** Keeps field names and drops values: a value may be as long as the request, or a secret. */
function redactValues(message: string): string {
  return message.replace(/, got .*$/s, '').replace(/"([^"]*)"/g, (_, text: string) => quoteName(text));
}

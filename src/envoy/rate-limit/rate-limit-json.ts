import { createFileRegistry, type DescMessage, fromBinary, fromJson, toBinary, toJson } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { quoteName } from '../../domain/quote-name.ts';
import { DESCRIPTORS } from '../../generated/descriptors.ts';
import { InvalidRequest } from '../wire/decode-message.ts';

const REQUEST = 'envoy.service.ratelimit.v3.RateLimitRequest';
const RESPONSE = 'envoy.service.ratelimit.v3.RateLimitResponse';

/** RateLimitRequest and RateLimitResponse between JSON and their bytes. */
export interface RateLimitJson {
  /** Throws InvalidRequest, naming the field, on what is no JSON of a RateLimitRequest. */
  readRequest(text: string): Uint8Array;
  /** `message`: an encoded RateLimitResponse. */
  writeResponse(message: Uint8Array): { readonly text: string; readonly overLimit: boolean };
}

/**
 * By the JSON form of proto3 (https://protobuf.dev/programming-guides/json/) as envoyproxy/ratelimit's `/json` speaks it:
 * fields that do not exist are refused, those with their default value are left out.
 */
export function rateLimitJson(): RateLimitJson {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTORS, 'base64')));
  const messageOf = (name: string): DescMessage => {
    const message = registry.getMessage(name);
    if (message === undefined) throw new Error(`the descriptors have no ${name}`);
    return message;
  };
  const [request, response] = [messageOf(REQUEST), messageOf(RESPONSE)];
  return {
    readRequest(text) {
      const value = parse(text);
      try {
        return toBinary(request, fromJson(request, value));
      } catch (error) {
        throw new InvalidRequest(error instanceof Error ? withoutValues(error.message) : `not JSON of a ${REQUEST}`);
      }
    },
    writeResponse(message) {
      const json = toJson(response, fromBinary(response, message));
      const code = typeof json === 'object' && json !== null && 'overallCode' in json ? json.overallCode : undefined;
      return { text: JSON.stringify(json), overLimit: code === 'OVER_LIMIT' };
    },
  };
}

function parse(text: string): Parameters<typeof fromJson>[1] {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The rest of V8's message is a piece of the text.
    const [place = ''] = / at position \d+/.exec(error instanceof Error ? error.message : '') ?? [];
    throw new InvalidRequest(`not JSON${place}`);
  }
}

/** Names of fields stay. What was there in place of what was expected may be as long as the request, or a secret. */
function withoutValues(message: string): string {
  return message.replace(/, got .*$/s, '').replace(/"([^"]*)"/g, (_, text: string) => quoteName(text));
}

import type { JsonObject } from '@bufbuild/protobuf';
import { ApiError } from '../../api/api-error.ts';

/** Reads a JSON Web Key Set. Throws ApiError at the field `issuer.jwks` if the text is no JSON object. */
export function readJwks(text: string): JsonObject {
  const value = parse(text);
  if (!isObject(value)) throw fault('must be a JSON object with the member keys');
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw fault(`must be JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function fault(description: string): ApiError {
  return new ApiError(`issuer.jwks: ${description}`, {
    code: 'invalid_argument',
    violations: [{ field: 'issuer.jwks', description }],
  });
}

import { type CheckExtractionOptions, prepareCheckExtraction } from '../envoy/check/check-extraction.ts';
import { decodeCheckRequest } from '../envoy/check/check-request.ts';
import { decodeRateLimitRequest } from '../envoy/rate-limit/rate-limit-request.ts';
import { InvalidRequest } from '../envoy/wire/decode-message.ts';
import { SHOULD_RATE_LIMIT_PATH } from './decision-methods.ts';

/**
 * Creates a function that says what is wrong with the message of a call that decides, as the call itself would be
 * answered; undefined: nothing is.
 */
export function createMessageCheck(
  requests: CheckExtractionOptions,
): (path: string, message: Uint8Array) => string | undefined {
  const extraction = prepareCheckExtraction(requests);
  return (path, message) => {
    try {
      if (path === SHOULD_RATE_LIMIT_PATH) decodeRateLimitRequest(message);
      else decodeCheckRequest(message, extraction);
      return undefined;
    } catch (error) {
      if (error instanceof InvalidRequest) return error.message;
      throw error;
    }
  };
}

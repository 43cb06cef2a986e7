import type { Descriptor } from '../core/descriptor.ts';
import type { RateLimitQuestion } from '../decide/rate-limit.ts';
import { RateLimitRequest } from '../generated/envoy/service/ratelimit/v3/rls.ts';
import { decodeMessage, InvalidRequest } from './invalid-request.ts';

/** Reads a RateLimitRequest. Throws InvalidRequest. */
export function decodeRateLimitRequest(message: Uint8Array): RateLimitQuestion {
  const { domain, descriptors, hitsAddend } = decodeMessage(
    RateLimitRequest,
    'envoy.service.ratelimit.v3.RateLimitRequest',
    message,
  );
  if (domain === '') throw new InvalidRequest('domain: must not be empty');
  if (descriptors.length === 0) throw new InvalidRequest('descriptors: must be at least one');
  const hitsOfRequest = Math.max(1, hitsAddend);
  return {
    domain,
    descriptors: descriptors.map(({ entries, hitsAddend: hits, isNegativeHits }, index): Descriptor => {
      if (entries.length === 0) throw new InvalidRequest(`descriptors[${index}].entries: must be at least one`);
      return { entries, hits: hits ?? hitsOfRequest, givesBack: isNegativeHits };
    }),
  };
}

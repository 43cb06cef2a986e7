import { AuthorizationService } from '../generated/envoy/service/auth/v3/external_auth.ts';
import { RateLimitServiceService } from '../generated/envoy/service/ratelimit/v3/rls.ts';

/** The methods that Envoy calls. */
export const DATA_PLANE_PATHS = [
  AuthorizationService.check.path,
  RateLimitServiceService.shouldRateLimit.path,
] as const;

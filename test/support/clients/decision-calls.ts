import {
  AuthorizationService,
  CheckRequest,
  type CheckResponse,
} from '../../../src/generated/envoy/service/auth/v3/external_auth.ts';
import {
  RateLimitRequest,
  type RateLimitResponse,
  RateLimitServiceService,
} from '../../../src/generated/envoy/service/ratelimit/v3/rls.ts';
import type { GrpcClient } from './grpc-client.ts';

/** Calls Check as Envoy's ext_authz filter does, about a request with these headers from this address. */
export function check(
  client: GrpcClient,
  headers: Record<string, string>,
  contextExtensions: Record<string, string> = {},
  address = '127.0.0.1',
): Promise<CheckResponse> {
  const source = { address: { address: { $case: 'socketAddress' as const, value: { address } } } };
  const request = CheckRequest.fromPartial({
    attributes: { source, request: { http: { headers } }, contextExtensions },
  });
  return client.call(AuthorizationService.check, request);
}

/** The HTTP status that Envoy makes of the response: 200 if the request may pass. */
export function httpStatus(response: CheckResponse): number | undefined {
  if (response.httpResponse?.$case === 'deniedResponse') return response.httpResponse.value.status?.code;
  return response.status?.code === 0 ? 200 : undefined;
}

/** The `error` member of the body of a denied request. */
export function parseDenial(
  response: CheckResponse,
): { code: string; message: string; request_id: string } | undefined {
  const body = response.httpResponse?.$case === 'deniedResponse' ? response.httpResponse.value.body : '{}';
  return (JSON.parse(body) as { error?: { code: string; message: string; request_id: string } }).error;
}

/** The headers that Envoy adds to the upstream's response to an allowed request. */
export function addedHeaders(response: CheckResponse): Record<string, string> {
  const added = response.httpResponse?.$case === 'okResponse' ? response.httpResponse.value.responseHeadersToAdd : [];
  return Object.fromEntries(added.map(({ header }) => [header?.key ?? '', header?.value ?? '']));
}

/** Calls ShouldRateLimit as Envoy's rate limit filter does, with descriptors of one entry each. */
export function shouldRateLimit(
  client: GrpcClient,
  domain: string,
  ...entries: readonly (readonly [key: string, value: string])[]
): Promise<RateLimitResponse> {
  const descriptors = entries.map(([key, value]) => ({ entries: [{ key, value }] }));
  return client.call(RateLimitServiceService.shouldRateLimit, RateLimitRequest.fromPartial({ domain, descriptors }));
}

import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../generated/grpc/health/v1/health.ts';
import { GrpcStatus, type UnaryCall } from '../transport/unary-call.ts';

export const HEALTH_CHECK_PATH = '/grpc.health.v1.Health/Check';

/** The services of the data plane. The empty name stands for the server as a whole. */
const SERVICES = ['', 'envoy.service.auth.v3.Authorization', 'envoy.service.ratelimit.v3.RateLimitService'];

/**
 * Answers a health check as the protocol specifies (https://github.com/grpc/grpc/blob/master/doc/health-checking.md): an
 * unknown service is NOT_FOUND.
 */
export function answerHealthCheck(call: UnaryCall, isServing: boolean): void {
  let service: string;
  try {
    service = HealthCheckRequest.decode(call.message).service;
  } catch {
    call.fail(GrpcStatus.INVALID_ARGUMENT, 'the request is not a well-formed grpc.health.v1.HealthCheckRequest');
    return;
  }
  const status = isServing ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  if (SERVICES.includes(service)) call.reply(HealthCheckResponse.encode({ status }).finish());
  else call.fail(GrpcStatus.NOT_FOUND, 'no such service');
}

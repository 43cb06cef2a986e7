import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../generated/grpc/health/v1/health.ts';
import { GrpcStatus, type UnaryCall } from '../transport/unary-call.ts';
import { DECISION_PATHS } from './decision-methods.ts';

export const HEALTH_SERVICE = 'grpc.health.v1.Health';
export const HEALTH_CHECK_PATH = `/${HEALTH_SERVICE}/Check`;
/** The name that envoyproxy/ratelimit reports its health under, so that its probes work here as well. */
const ENVOYPROXY_RATELIMIT_NAME = 'ratelimit';

/** The service of reflection, in both versions of its protocol. */
export const REFLECTION_SERVICES = ['grpc.reflection.v1.ServerReflection', 'grpc.reflection.v1alpha.ServerReflection'];
/** The services that decide. */
export const DECISION_SERVICES: readonly string[] = DECISION_PATHS.map((path) => path.slice(1, path.lastIndexOf('/')));
/** The names that a health check may ask for. All have the same status. The empty name stands for the whole server. */
export const HEALTH_NAMES: readonly string[] = [
  '',
  ENVOYPROXY_RATELIMIT_NAME,
  HEALTH_SERVICE,
  ...REFLECTION_SERVICES,
  ...DECISION_SERVICES,
];

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
  if (HEALTH_NAMES.includes(service)) call.reply(HealthCheckResponse.encode({ status }).finish());
  else call.fail(GrpcStatus.NOT_FOUND, 'no such service');
}

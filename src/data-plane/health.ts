import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthListRequest,
  HealthListResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../generated/grpc/health/v1/health.ts';
import { GrpcStatus, type UnaryCall } from '../transport/unary-call.ts';
import { DECISION_PATHS } from './decision-methods.ts';

export const HEALTH_SERVICE = 'grpc.health.v1.Health';
export const HEALTH_CHECK_PATH = `/${HEALTH_SERVICE}/Check`;
export const HEALTH_LIST_PATH = `/${HEALTH_SERVICE}/List`;
export const HEALTH_PATHS: readonly string[] = [HEALTH_CHECK_PATH, HEALTH_LIST_PATH];
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
 * Reads a call of Check or List as the protocol specifies
 * (https://github.com/grpc/grpc/blob/master/doc/health-checking.md). `names` are the names that Check may ask for; an
 * unknown one is NOT_FOUND. Returns whether an answer is due, or fails the call.
 */
export function acceptHealthCall(call: UnaryCall, names: readonly string[]): boolean {
  const isList = call.path === HEALTH_LIST_PATH;
  let service = '';
  try {
    if (isList) HealthListRequest.decode(call.message);
    else service = HealthCheckRequest.decode(call.message).service;
  } catch {
    const message = `grpc.health.v1.${isList ? 'HealthListRequest' : 'HealthCheckRequest'}`;
    call.fail(GrpcStatus.INVALID_ARGUMENT, `the request is not a well-formed ${message}`);
    return false;
  }
  if (!names.includes(service)) call.fail(GrpcStatus.NOT_FOUND, 'no such service');
  return names.includes(service);
}

/** Answers an accepted call: Check with the status of the node, List with that status for each of the names. */
export function replyHealth(call: UnaryCall, names: readonly string[], isServing: boolean): void {
  const status = isServing ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  if (call.path === HEALTH_LIST_PATH) {
    const statuses = Object.fromEntries(names.map((name) => [name, { status }]));
    call.reply(HealthListResponse.encode({ statuses }).finish());
  } else call.reply(HealthCheckResponse.encode({ status }).finish());
}

import { describe, expect, it } from 'vitest';
import { HealthCheckRequest, HealthCheckResponse } from '../generated/grpc/health/v1/health.ts';
import type { UnaryCall } from '../transport/unary-call.ts';
import { acceptHealthCall, HEALTH_CHECK_PATH, HEALTH_NAMES, replyHealth } from './health.ts';

function ask(service: string, isServing: boolean): unknown {
  let answer: unknown;
  const call: UnaryCall = {
    path: HEALTH_CHECK_PATH,
    message: HealthCheckRequest.encode({ service }).finish(),
    requestId: undefined,
    traceparent: undefined,
    deadline: undefined,
    cancelled: false,
    reply: (message) => {
      answer = HealthCheckResponse.decode(message).status;
    },
    fail: (status) => {
      answer = { status };
    },
  };
  if (acceptHealthCall(call, HEALTH_NAMES)) replyHealth(call, HEALTH_NAMES, isServing);
  return answer;
}

describe('a health check', () => {
  it.each(HEALTH_NAMES)('reports the status of the node for "%s"', (name) => {
    expect([ask(name, true), ask(name, false)]).toEqual([1, 2]);
  });

  it('does not find other names', () => {
    expect(ask('ratelimit.v3', true)).toEqual({ status: 5 });
  });
});

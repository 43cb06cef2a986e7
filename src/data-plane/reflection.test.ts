import { describe, expect, it } from 'vitest';
import { ServerReflectionRequest, ServerReflectionResponse } from '../generated/grpc/reflection/v1/reflection.ts';
import { GrpcStatus, type UnaryCall } from '../transport/unary-call.ts';
import { createDataPlaneReflection, REFLECTION_PATHS, type Reflection } from './reflection.ts';

type MessageRequest = ServerReflectionRequest['messageRequest'];

/** Sends a message. Returns the decoded answer, or the status of the failed call. */
function send(reflection: Reflection, message: Uint8Array) {
  const outcome: { answer?: ServerReflectionResponse; status?: GrpcStatus } = {};
  const call: UnaryCall = {
    path: REFLECTION_PATHS[0] ?? '',
    message,
    requestId: undefined,
    traceparent: undefined,
    deadline: undefined,
    cancelled: false,
    reply: (bytes) => {
      outcome.answer = ServerReflectionResponse.decode(bytes);
    },
    fail: (status) => {
      outcome.status = status;
    },
  };
  reflection.answer(call);
  return outcome;
}

function ask(messageRequest: MessageRequest, reflection = createDataPlaneReflection()) {
  const request = { host: 'a.example', messageRequest };
  return send(reflection, ServerReflectionRequest.encode(request).finish()).answer;
}

function countFiles(messageRequest: MessageRequest): number {
  const response = ask(messageRequest)?.messageResponse;
  return response?.$case === 'fileDescriptorResponse' ? response.value.fileDescriptorProto.length : 0;
}

describe('reflection', () => {
  it.each([
    'envoy.service.auth.v3.Authorization',
    'envoy.service.auth.v3.Authorization.Check',
    'envoy.service.auth.v3.CheckRequest',
    'envoy.service.ratelimit.v3.RateLimitResponse.RateLimit',
    'grpc.health.v1.HealthCheckResponse.ServingStatus',
    'google.protobuf.Struct',
  ])('finds the files of the symbol %s', (value) => {
    expect(countFiles({ $case: 'fileContainingSymbol', value })).toBeGreaterThan(0);
  });

  it('finds a file by its name, with all files that it imports', () => {
    expect(countFiles({ $case: 'fileByFilename', value: 'grpc/health/v1/health.proto' })).toBe(1);
    expect(countFiles({ $case: 'fileByFilename', value: 'envoy/service/ratelimit/v3/rls.proto' })).toBeGreaterThan(3);
  });

  it.each<[NonNullable<MessageRequest>, number]>([
    [{ $case: 'fileContainingSymbol', value: 'envoy.service.auth.v3.Nothing' }, GrpcStatus.NOT_FOUND],
    [{ $case: 'fileContainingSymbol', value: '' }, GrpcStatus.NOT_FOUND],
    [{ $case: 'fileByFilename', value: 'weir/admin/v1/plan_service.proto' }, GrpcStatus.FAILED_PRECONDITION],
    [{ $case: 'fileContainingSymbol', value: 'weir.admin.v1.Plan' }, GrpcStatus.FAILED_PRECONDITION],
    [{ $case: 'allExtensionNumbersOfType', value: 'google.protobuf.Struct' }, GrpcStatus.NOT_FOUND],
  ])('answers %o with an error inside the stream', (messageRequest, errorCode) => {
    const answer = ask(messageRequest);
    expect(answer?.messageResponse).toMatchObject({ $case: 'errorResponse', value: { errorCode } });
    expect(answer).toMatchObject({ validHost: 'a.example', originalRequest: { messageRequest } });
  });

  it('rejects a request that is malformed or too long', () => {
    const reflection = createDataPlaneReflection();
    expect(send(reflection, Buffer.from([0x3a, 0xff])).status).toBe(GrpcStatus.INVALID_ARGUMENT);
    expect(send(reflection, Buffer.alloc(5000)).status).toBe(GrpcStatus.INVALID_ARGUMENT);
  });

  it('limits how many answers it gives', () => {
    const reflection = createDataPlaneReflection();
    const request = ServerReflectionRequest.encode({
      host: '',
      messageRequest: { $case: 'listServices', value: '*' },
    }).finish();
    const statuses = Array.from({ length: 1000 }, () => send(reflection, request).status);
    expect(statuses[0]).toBeUndefined();
    expect(statuses).toContain(GrpcStatus.RESOURCE_EXHAUSTED);
  });
});

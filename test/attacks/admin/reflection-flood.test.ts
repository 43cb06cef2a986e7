import { expect } from 'vitest';
import { ServerReflectionRequest } from '../../../src/generated/grpc/reflection/v1/reflection.ts';
import { GrpcStatus } from '../../../src/transport/unary-call.ts';
import { countAttempts } from '../../support/attempts.ts';
import { callFrom } from '../../support/clients/call-from-address.ts';
import { test as it } from '../../support/fixtures.ts';

const REFLECTION = {
  path: '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  requestSerialize: (request: ServerReflectionRequest) => Buffer.from(ServerReflectionRequest.encode(request).finish()),
  responseDeserialize: () => undefined,
};
const LIST: ServerReflectionRequest = { host: '', messageRequest: { $case: 'listServices', value: '' } };
/** More than the answers for all clients together. */
const REQUESTS = countAttempts(3_000);

it('a flood of reflection from one network leaves room for others', async ({ node }) => {
  const ask = async (address: string, count: number) => {
    const responses = await callFrom(address, node.app.ports.admin, REFLECTION, Array<typeof LIST>(count).fill(LIST));
    return responses.map(({ code }) => code);
  };
  const codes: number[] = [];
  while (codes.length < REQUESTS) codes.push(...(await ask('127.5.0.1', 500)));
  expect(codes).toContain(GrpcStatus.RESOURCE_EXHAUSTED);
  expect(await ask('127.5.0.2', 20)).toEqual(Array(20).fill(GrpcStatus.OK));
});

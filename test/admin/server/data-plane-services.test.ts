import { type Client, credentials, type Deadline, Metadata, makeClientConstructor, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AdminCalls } from '../../../src/admin/server/admin-calls.ts';
import { startAdminServer } from '../../../src/admin/server/admin-server.ts';
import type { Http2GrpcServer } from '../../../src/transport/grpc-http2/http2-grpc-server.ts';
import { GrpcStatus, type UnaryCall } from '../../../src/transport/unary-call.ts';

const CHECK = '/envoy.service.auth.v3.Authorization/Check';
const LIMIT = '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit';
const asIs = (bytes: Buffer) => bytes;

let server: Http2GrpcServer;
let client: Client;
let batches: (readonly UnaryCall[])[];
let handle: (call: UnaryCall) => void;

beforeEach(async () => {
  batches = [];
  handle = (call) => call.reply(call.message);
  const calls = new AdminCalls({
    services: [],
    contexts: { trustedProxies: [], deviceHeader: undefined },
    limitCalls: (service) => service,
    callEvents: undefined,
    recordCall: () => {},
    log: console,
  });
  server = await startAdminServer({
    address: { host: '127.0.0.1', port: 0 },
    calls,
    log: console,
    handleOther: (calls) => {
      batches.push(calls);
      for (const call of calls) handle(call);
    },
  });
  client = new (makeClientConstructor({}, 'raw'))(`127.0.0.1:${server.address.port}`, credentials.createInsecure());
});
afterEach(async () => {
  client.close();
  await server.stop({ graceMs: 1_000 });
});

function start(path: string, text: string, options: { deadline?: Deadline } = {}, metadata = new Metadata()) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const call = client.makeUnaryRequest(path, asIs, asIs, Buffer.from(text), metadata, options, (error, answer) =>
    error ? reject(error) : resolve(String(answer)),
  );
  return { call, answer: promise };
}

describe('other methods of the admin server', () => {
  it('pass calls of both services to the handler in batches and return each its own reply', async () => {
    const calls = Array.from({ length: 100 }, (_, index) => start(index % 2 ? CHECK : LIMIT, `message ${index}`));
    const answers = await Promise.all(calls.map(({ answer }) => answer));
    expect(answers).toEqual(calls.map((_, index) => `message ${index}`));
    expect(
      batches
        .flat()
        .map(({ path }) => path)
        .sort(),
    ).toEqual([...Array(50).fill(CHECK), ...Array(50).fill(LIMIT)]);
    expect(batches.length).toBeLessThan(100);
  });

  it('return the status and message of a failed call without affecting other calls', async () => {
    handle = (call) => {
      if (String(call.message) === 'bad') call.fail(GrpcStatus.INVALID_ARGUMENT, 'domain must not be empty');
      else call.reply(call.message);
    };
    const bad = start(LIMIT, 'bad');
    const good = start(LIMIT, 'good');
    await expect(bad.answer).rejects.toMatchObject({
      code: status.INVALID_ARGUMENT,
      details: 'domain must not be empty',
    });
    expect(await good.answer).toBe('good');
  });

  it('pass on request id and deadline', async () => {
    const metadata = new Metadata();
    metadata.set('x-request-id', 'abc');
    await start(CHECK, '', { deadline: Date.now() + 5_000 }, metadata).answer;
    await start(CHECK, '').answer;
    const [first, second] = batches.flat();
    expect(first?.requestId).toBe('abc');
    expect((first?.deadline ?? 0) - performance.now()).toBeGreaterThan(0);
    expect((first?.deadline ?? Number.POSITIVE_INFINITY) - performance.now()).toBeLessThan(5_000);
    expect(second).toMatchObject({ requestId: undefined, deadline: undefined });
  });

  it('ignore a reply to a cancelled call', async () => {
    const arrived = Promise.withResolvers<UnaryCall>();
    handle = arrived.resolve;
    const { call, answer } = start(CHECK, 'x');
    const held = await arrived.promise;
    call.cancel();
    await expect(answer).rejects.toMatchObject({ code: status.CANCELLED });
    await expect.poll(() => held.cancelled).toBe(true);
    held.reply(Buffer.from('late'));
    handle = (other) => other.reply(other.message);
    expect(await start(CHECK, 'next').answer).toBe('next');
  });
});

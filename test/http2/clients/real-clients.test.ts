import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client, compressionAlgorithms, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findGoTool, GO_BUILD_TIMEOUT_MS } from '../../../provision/programs/go-tools.ts';
import { type Http2GrpcServer, startHttp2GrpcServer } from '../../../src/transport/grpc-http2/http2-grpc-server.ts';
import { GrpcStatus } from '../../../src/transport/unary-call.ts';
import { METHOD } from '../frame-builders.ts';

const runFile = promisify(execFile);
const root = path.join(import.meta.dirname, '..', '..', '..');
const RLS_FILES = ['-import-path', path.join(root, 'proto'), '-proto', 'envoy/service/ratelimit/v3/rls.proto'];
const RLS_METHOD = 'envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit';
/** RateLimitResponse { overall_code: OK } */
const OK_RESPONSE = Buffer.from([8, 1]);

let server: Http2GrpcServer;

beforeAll(async () => {
  server = await startHttp2GrpcServer({
    address: { host: '127.0.0.1', port: 0 },
    maxConnections: 100,
    handler: (calls) => {
      for (const call of calls) {
        const text = Buffer.from(call.message).toString();
        if (text === 'fail') call.fail(GrpcStatus.INVALID_ARGUMENT, 'größer');
        else if (text === 'silence')
          continue; // the call stays open
        else if (text.includes('rate-limit')) call.reply(OK_RESPONSE);
        else call.reply(call.message);
      }
    },
  });
});

afterAll(() => server.stop({ graceMs: 100 }));

describe('the client grpc-js', () => {
  const passThrough = (bytes: Buffer): Buffer => bytes;

  function connect(options = {}): Client {
    return new Client(`127.0.0.1:${server.address.port}`, credentials.createInsecure(), options);
  }

  function call(client: Client, message: Buffer, timeoutMs = 60_000): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        METHOD,
        passThrough,
        passThrough,
        message,
        new Metadata(),
        { deadline: Date.now() + timeoutMs },
        (error, response) => (error === null ? resolve(response) : reject(error)),
      );
    });
  }

  it('gets the responses of many concurrent calls', async () => {
    const client = connect();
    const messages = Array.from({ length: 2000 }, (_, index) => Buffer.from(`message ${index}`));
    expect(await Promise.all(messages.map((message) => call(client, message)))).toEqual(messages);
    client.close();
  });

  it('gets large responses, and sends large and compressed messages', async () => {
    const client = connect({ 'grpc.default_compression_algorithm': compressionAlgorithms.gzip });
    const message = Buffer.alloc(500_000, 'abc');
    expect((await call(client, message))?.equals(message)).toBe(true);
    client.close();
  });

  it('gets a response to every call that it made before the server began to stop', async () => {
    const stopping = await startHttp2GrpcServer({
      address: { host: '127.0.0.1', port: 0 },
      maxConnections: 100,
      handler: (calls) => {
        setTimeout(() => {
          for (const call of calls) call.reply(call.message);
        }, 20);
      },
    });
    const client = new Client(`127.0.0.1:${stopping.address.port}`, credentials.createInsecure());
    await call(client, Buffer.from('connected'));
    const message = Buffer.from('in progress');
    const responses = Promise.all(Array.from({ length: 500 }, () => call(client, message)));
    await new Promise((resolve) => setTimeout(resolve, 10));
    await stopping.stop({ graceMs: 10_000 });
    expect(await responses).toEqual(Array.from({ length: 500 }, () => message));
    client.close();
  });

  it('gets a status with its message, and DEADLINE_EXCEEDED when the server does not respond in time', async () => {
    const client = connect();
    const failure: ServiceError = await call(client, Buffer.from('fail')).then(Promise.reject, (error) => error);
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, details: 'größer' });
    await expect(call(client, Buffer.from('silence'), 50)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    client.close();
  });
});

describe('the client grpcurl', () => {
  let grpcurl: string;
  beforeAll(async () => {
    grpcurl = await findGoTool('grpcurl');
  }, GO_BUILD_TIMEOUT_MS);

  it('decodes a response', async () => {
    const target = `127.0.0.1:${server.address.port}`;
    const { stdout } = await runFile(grpcurl, [
      '-plaintext',
      ...RLS_FILES,
      '-d',
      '{"domain":"rate-limit"}',
      target,
      RLS_METHOD,
    ]);
    expect(JSON.parse(stdout)).toEqual({ overallCode: 'OK' });
  });
});

describe('the client ghz', () => {
  let ghz: string;
  beforeAll(async () => {
    ghz = await findGoTool('ghz');
  }, GO_BUILD_TIMEOUT_MS);

  // With one stream per connection, grpc-go sends a PING for almost every response. That must not count as abuse.
  it.each([
    [50, 5000],
    [4, 20_000],
  ])('gets a response to each call, with %d concurrent calls over 4 connections', async (concurrency, calls) => {
    const target = `127.0.0.1:${server.address.port}`;
    const files = ['--import-paths', path.join(root, 'proto'), '--proto', 'envoy/service/ratelimit/v3/rls.proto'];
    const count = ['-n', `${calls}`, '-c', `${concurrency}`, '--connections', '4'];
    const load = [...count, '-d', '{"domain":"rate-limit"}', '-O', 'json'];
    const { stdout } = await runFile(ghz, ['--insecure', ...files, '--call', RLS_METHOD, ...load, target], {
      maxBuffer: 64 * 1024 * 1024,
    });
    expect(JSON.parse(stdout).statusCodeDistribution).toEqual({ OK: calls });
  });
});

describe("the client grpcio, Python's gRPC", () => {
  const environment = path.join(root, '.cache', 'python-grpcio');
  const python = path.join(environment, 'bin', 'python');

  beforeAll(() => {
    if (existsSync(path.join(environment, 'ready'))) return;
    for (const [command, ...args] of [
      ['python3', '-m', 'venv', environment],
      [python, '-m', 'pip', 'install', '--quiet', 'grpcio==1.76.0'],
      ['touch', path.join(environment, 'ready')],
    ] as const)
      if (spawnSync(command, args, { stdio: 'inherit' }).status !== 0)
        throw new Error(`grpcio: installation failed (${command} ${args.join(' ')})`);
  }, 300_000);

  it('gets responses and statuses with their messages, and sends compressed messages', async () => {
    const script = path.join(import.meta.dirname, 'python-client.py');
    const { stdout } = await runFile(python, [script, String(server.address.port), METHOD, '500']);
    expect(stdout).toBe('OK\n');
  });
});

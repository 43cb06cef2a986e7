import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client, compressionAlgorithms, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Http2GrpcServer, startHttp2GrpcServer } from '../../src/transport/grpc-http2/http2-grpc-server.ts';
import { GrpcStatus } from '../../src/transport/unary-call.ts';
import { METHOD } from './frame-builders.ts';
import { goTool } from './go-tool.ts';

const run = promisify(execFile);
const root = path.join(import.meta.dirname, '..', '..');
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
        else if (text === 'silence') continue;
        else if (text.includes('rate-limit')) call.reply(OK_RESPONSE);
        else call.reply(call.message);
      }
    },
  });
});

afterAll(() => server.stop({ graceMs: 100 }));

describe('grpc-js', () => {
  const identity = (bytes: Buffer): Buffer => bytes;

  function connect(options = {}): Client {
    return new Client(`127.0.0.1:${server.address.port}`, credentials.createInsecure(), options);
  }

  function request(client: Client, message: Buffer, deadline = 10_000): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        METHOD,
        identity,
        identity,
        message,
        new Metadata(),
        { deadline: Date.now() + deadline },
        (error, answer) => (error === null ? resolve(answer) : reject(error)),
      );
    });
  }

  it('gets the answers of many calls at once', async () => {
    const client = connect();
    const messages = Array.from({ length: 2000 }, (_, index) => Buffer.from(`message ${index}`));
    expect(await Promise.all(messages.map((message) => request(client, message)))).toEqual(messages);
    client.close();
  });

  it('gets large answers, and sends large and compressed messages', async () => {
    const client = connect({ 'grpc.default_compression_algorithm': compressionAlgorithms.gzip });
    const message = Buffer.alloc(500_000, 'abc');
    expect((await request(client, message))?.equals(message)).toBe(true);
    client.close();
  });

  it('gets every call answered that it made before the server was asked to stop', async () => {
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
    await request(client, Buffer.from('connected'));
    const message = Buffer.from('under way');
    const answers = Promise.all(Array.from({ length: 500 }, () => request(client, message)));
    await new Promise((resolve) => setTimeout(resolve, 10));
    await stopping.stop({ graceMs: 10_000 });
    expect(await answers).toEqual(Array.from({ length: 500 }, () => message));
    client.close();
  });

  it('gets a status with its message, and its own deadline', async () => {
    const client = connect();
    const failure: ServiceError = await request(client, Buffer.from('fail')).then(Promise.reject, (error) => error);
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, details: 'größer' });
    await expect(request(client, Buffer.from('silence'), 50)).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    client.close();
  });
});

describe('grpcurl', () => {
  it('decodes an answer', async () => {
    const target = `127.0.0.1:${server.address.port}`;
    const { stdout } = await run(goTool('grpcurl'), [
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

describe('ghz', () => {
  // With one stream on a connection grpc-go sends a PING for almost every answer: that is no abuse.
  it.each([
    [50, 5000],
    [4, 20_000],
  ])('gets each of its calls answered, %d at a time over 4 connections', async (concurrency, calls) => {
    const target = `127.0.0.1:${server.address.port}`;
    const files = ['--import-paths', path.join(root, 'proto'), '--proto', 'envoy/service/ratelimit/v3/rls.proto'];
    const count = ['-n', `${calls}`, '-c', `${concurrency}`, '--connections', '4'];
    const load = [...count, '-d', '{"domain":"rate-limit"}', '-O', 'json'];
    const { stdout } = await run(goTool('ghz'), ['--insecure', ...files, '--call', RLS_METHOD, ...load, target], {
      maxBuffer: 64 * 1024 * 1024,
    });
    expect(JSON.parse(stdout).statusCodeDistribution).toEqual({ OK: calls });
  });
});

describe("Python's grpcio", () => {
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
        throw new Error(`Python's grpcio could not be installed: ${command} ${args.join(' ')}`);
  }, 300_000);

  it('gets answers, statuses with their messages, and sends compressed messages', async () => {
    const script = path.join(import.meta.dirname, 'python-client.py');
    const { stdout } = await run(python, [script, String(server.address.port), METHOD, '500']);
    expect(stdout).toBe('OK\n');
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { createFileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DESCRIPTORS } from '../../src/generated/descriptors.ts';
import { AuthServiceService } from '../../src/generated/weir/admin/v1/auth_service.ts';
import { countAttempts } from '../support/attempts.ts';
import { check, httpStatus } from '../support/clients/decision-calls.ts';
import { GrpcClient, type Headers } from '../support/clients/grpc-client.ts';
import { newDatabase } from '../support/databases.ts';
import { mutate, mutation } from '../support/mutate-bytes.ts';
import { ADMINISTRATOR, NODE_SECRETS } from '../support/node.ts';
import { startWeirProcess } from '../support/weir-process.ts';

const CONNECTIONS = countAttempts(300);
const CALLS_PER_METHOD = countAttempts(15);
const IN_PARALLEL = 30;
/** Time for the node to read what a connection has sent. */
const LINGER_MS = 10;
const INTERNAL = 13;

const fixtures = path.join(import.meta.dirname, '..', 'http2', 'fixtures');
const RECORDINGS = readdirSync(fixtures)
  .filter((name) => name.endsWith('.bin'))
  .map((name) => readFileSync(path.join(fixtures, name)));
const JSON_BODY = '{"domain":"d","descriptors":[{"entries":[{"key":"k","value":"v"}]}]}';
const HTTP_REQUESTS = [
  ...['/healthz', '/readyz', '/status', '/metrics', '/.well-known/jwks.json'].map(
    (url) => `GET ${url} HTTP/1.1\r\nhost: x\r\n\r\n`,
  ),
  `POST /json HTTP/1.1\r\nhost: x\r\ncontent-length: ${JSON_BODY.length}\r\n\r\n${JSON_BODY}`,
  'POST /json HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"dom\r\n0\r\n\r\n',
  'POST /json HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /status HTTP/1.1\r\n\r\n',
  'GET / HTTP/1.1\r\nhost: x\r\nupgrade: h2c\r\nconnection: upgrade, http2-settings\r\nhttp2-settings: AAMAAABk\r\n\r\n',
  'CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n',
].map((text) => Buffer.from(text));
const TLS_HELLO = Buffer.from('16030100c8010000c40303'.padEnd(410, '5a'), 'hex');
const INPUTS = [...RECORDINGS, ...HTTP_REQUESTS, TLS_HELLO];

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, Buffer.from(DESCRIPTORS, 'base64')));
const METHODS = [...registry]
  .flatMap((type) => (type.kind === 'service' && !type.file.proto.package.startsWith('grpc.') ? type.methods : []))
  .filter(({ methodKind }) => methodKind === 'unary') // the health service is grpc-js' own
  .map((method) => `/${method.parent.typeName}/${method.name}`);

let started: Awaited<ReturnType<typeof startWeirProcess>>;
let decision: GrpcClient;
let admin: GrpcClient;
let administrator: Headers;
beforeAll(async () => {
  started = await startWeirProcess({
    DATABASE_URL: await newDatabase(),
    ...NODE_SECRETS,
  });
  decision = new GrpcClient(started.ports.decision);
  admin = new GrpcClient(started.ports.admin);
  const { accessToken } = await admin.call(AuthServiceService.login, ADMINISTRATOR);
  administrator = { authorization: `Bearer ${accessToken}` };
});
afterAll(async () => {
  decision?.close();
  admin?.close();
  await started?.weir.stop();
});

/** Sends bytes over a connection of its own, and closes it a moment later. */
function send(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.resume();
    socket.write(bytes, () => setTimeout(() => socket.destroy(), LINGER_MS));
  });
}

/** Runs an action on each item, several at a time. */
async function forEach<T>(items: readonly T[], action: (item: T) => Promise<unknown>): Promise<void> {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: IN_PARALLEL }, async () => {
      for (const item of queue) await action(item);
    }),
  );
}

const mutated = (inputs: readonly Buffer[]) =>
  fc
    .tuple(fc.constantFrom(...inputs), fc.array(mutation, { maxLength: 5 }))
    .map(([bytes, mutations]) => mutations.reduce<Buffer>((before, next) => mutate(before, next, 0), bytes));

/** The processes that serve: a crashed one would be replaced by another. */
const processes = () => ({ control: started.weir.hasExited, decision: started.weir.decisionPid });

async function expectService(): Promise<void> {
  expect(httpStatus(await check(decision, { 'x-api-key': 'unknown' }))).toBe(401);
  expect((await admin.callAndFail(AuthServiceService.login, { email: '', password: '' })).code).toBe(3);
  expect((await fetch(`http://127.0.0.1:${started.ports.http}/readyz`)).status).toBe(200);
}

describe('a running node', () => {
  it.each(['decision', 'admin', 'http'] as const)(
    'survives mutated requests of all protocols on its %s port',
    async (name) => {
      const before = processes();
      const inputs = fc.sample(mutated(INPUTS), CONNECTIONS);
      await forEach(inputs, (bytes) => send(started.ports[name], bytes));
      await expectService();
      expect(processes()).toEqual(before);
    },
  );

  it('answers no malformed message of any method with an internal error', async () => {
    const before = processes();
    const messages = mutated([Buffer.from('0a05616263646512030a0161', 'hex'), Buffer.alloc(40, 0x0a), Buffer.alloc(0)]);
    const internal: string[] = [];
    const calls = METHODS.flatMap((method) =>
      fc
        .sample(fc.oneof(messages, fc.uint8Array({ maxLength: 60 }).map(Buffer.from)), CALLS_PER_METHOD)
        .map((bytes) => ({ method, bytes })),
    );
    await forEach(calls, async ({ method: methodPath, bytes }) => {
      const method = { path: methodPath, requestSerialize: () => bytes, responseDeserialize: () => true };
      const failure = await admin.call(method, undefined, administrator).catch((error: { code: number }) => error);
      if (typeof failure === 'object' && failure.code === INTERNAL)
        internal.push(`${methodPath} ${bytes.toString('hex')}`);
    });
    expect(internal).toEqual([]);
    await expectService();
    expect(processes()).toEqual(before);
  });
});

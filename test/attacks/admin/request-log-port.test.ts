import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { createConnection, type Socket } from 'node:net';
import { afterEach, expect } from 'vitest';
import {
  AccessLogServiceService,
  StreamAccessLogsMessage,
} from '../../../src/generated/envoy/service/accesslog/v3/als.ts';
import {
  ListRequestLogsRequest,
  RequestLogServiceService,
} from '../../../src/generated/weir/admin/v1/request_log_service.ts';
import { GrpcStatus } from '../../../src/transport/unary-call.ts';
import { test } from '../../support/fixtures.ts';
import type { TestNode } from '../../support/node.ts';

/*
 * Envoy alone should reach this port, but nobody is asked for a credential there: it must not be the way to the memory of
 * the process that serves the admin API.
 */

const it = test.override('environment', { REQUEST_LOG: 'on', REQUEST_LOG_ADDRESS: '127.0.0.1:0' });
const { path: PATH } = AccessLogServiceService.streamAccessLogs;
const MIB = 1024 * 1024;
/** The share of one connection and of one network, in unfinished messages of almost 1 MiB. */
const MAX_UNFINISHED = { connection: 8, network: 64 };
/** More would not hold more, but all of their messages have to arrive before the deadline. */
const CONNECTIONS = 10;
const STREAMS_PER_CONNECTION = 12;

const sessions: ClientHttp2Session[] = [];
const sockets: Socket[] = [];
afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy();
  for (const socket of sockets.splice(0)) socket.destroy();
});

function openSession(node: TestNode, localAddress = '127.0.0.1'): ClientHttp2Session {
  const options = { host: '127.0.0.1', port: node.app.ports.requestLog ?? 0, localAddress };
  const session = connect('http://weir', { createConnection: () => createConnection(options) });
  session.on('error', () => {});
  sessions.push(session);
  return session;
}

interface Call {
  readonly stream: ClientHttp2Stream;
  /** Status of gRPC; undefined: the stream was reset. */
  readonly ended: Promise<number | undefined>;
}

function startCall(session: ClientHttp2Session, path: string = PATH): Call {
  const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
  const stream = session.request(headers);
  let status: number | undefined;
  for (const event of ['response', 'trailers']) {
    stream.on(event, ({ 'grpc-status': code }) => {
      if (code !== undefined) status = Number(code);
    });
  }
  stream.on('error', () => {}).resume();
  return { stream, ended: once(stream, 'close').then(() => status) };
}

function frame(message: Uint8Array, announcedLength = message.length): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(announcedLength, 1);
  return Buffer.concat([prefix, message]);
}

/** A message with one request that has ended. */
function createEntry(requestId: string): Buffer {
  const entry = { commonProperties: { startTime: new Date() }, request: { requestId, path: '/' } };
  const message = StreamAccessLogsMessage.fromPartial({
    logEntries: { $case: 'httpLogs', value: { logEntry: [entry] } },
  });
  return frame(StreamAccessLogsMessage.encode(message).finish());
}

async function listRequestIds(node: TestNode, requestId: string): Promise<readonly string[]> {
  const request = ListRequestLogsRequest.fromPartial({ parent: 'accounts/-', filter: `request_id = "${requestId}"` });
  const { requestLogs } = await node.admin.call(RequestLogServiceService.listRequestLogs, request, await node.signIn());
  return requestLogs.map((row) => row.requestId);
}

it('unfinished messages on the port of the request log hold a part of the memory until their deadline, and others are logged', async ({
  node,
}) => {
  const calls = Array.from({ length: CONNECTIONS }, () => openSession(node)).flatMap((session) =>
    Array.from({ length: STREAMS_PER_CONNECTION }, () => startCall(session)),
  );
  for (const { stream } of calls) stream.write(frame(Buffer.alloc(MIB - 100), MIB));
  const envoy = startCall(openSession(node, '127.0.0.2'));
  envoy.stream.end(createEntry('during the flood'));
  expect(await envoy.ended).toBe(GrpcStatus.OK);
  await expect.poll(() => listRequestIds(node, 'during the flood')).toEqual(['during the flood']);
  const statuses = await Promise.all(calls.map(({ ended }) => ended));
  const held = statuses.filter((status) => status === undefined).length; // reset after the deadline
  expect(held).toBeGreaterThan(0);
  expect(held).toBeLessThanOrEqual(Math.min(MAX_UNFINISHED.connection * CONNECTIONS, MAX_UNFINISHED.network));
  expect(statuses.filter((status) => status === GrpcStatus.RESOURCE_EXHAUSTED)).toHaveLength(calls.length - held);
}, 90_000);

it('a silent stream stays open, and its next message is logged', async ({ node }) => {
  const { stream, ended } = startCall(openSession(node));
  stream.write(createEntry('the first'));
  await expect.poll(() => listRequestIds(node, 'the first')).toEqual(['the first']);
  const text = createEntry('in pieces');
  for (const byte of text) stream.write(Buffer.of(byte));
  await expect.poll(() => listRequestIds(node, 'in pieces')).toEqual(['in pieces']);
  stream.end();
  expect(await ended).toBe(GrpcStatus.OK);
});

it.for([
  ['a malformed message', frame(Buffer.from([0xff, 0xff])), GrpcStatus.INVALID_ARGUMENT],
  ['a message of 4 GiB', frame(Buffer.alloc(10), 2 ** 32 - 1), GrpcStatus.RESOURCE_EXHAUSTED],
  [
    'a compressed message',
    Buffer.concat([Buffer.of(1), frame(Buffer.alloc(10)).subarray(1)]),
    GrpcStatus.UNIMPLEMENTED,
  ],
  ['half a message', frame(Buffer.alloc(10), 20), GrpcStatus.INVALID_ARGUMENT],
] as const)('%s ends its stream and no other', async ([, bytes, status], { node }) => {
  const session = openSession(node);
  const other = startCall(session);
  const call = startCall(session);
  call.stream.end(bytes);
  expect(await call.ended).toBe(status);
  other.stream.end(createEntry('the other'));
  expect(await other.ended).toBe(GrpcStatus.OK);
});

it('the port of the request log has no other method', async ({ node }) => {
  const { stream, ended } = startCall(openSession(node), '/weir.admin.v1.PlanService/ListPlans');
  stream.end(frame(Buffer.alloc(0)));
  expect(await ended).toBe(GrpcStatus.UNIMPLEMENTED);
});

it('connections to the port of the request log that send nothing make room for others', async ({ node }) => {
  for (let index = 0; index < 700; index++) {
    const socket = createConnection(node.app.ports.requestLog ?? 0, '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => {}).resume();
    await once(socket, 'connect');
  }
  const { stream, ended } = startCall(openSession(node));
  stream.end(createEntry('with room'));
  expect(await ended).toBe(GrpcStatus.OK);
  await expect.poll(() => sockets.filter((socket) => !socket.closed).length).toBeLessThanOrEqual(500);
});

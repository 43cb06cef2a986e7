import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { createConnection } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HealthCheckRequest, HealthService } from '../../../src/generated/grpc/health/v1/health.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { ListPlansRequest, PlanServiceService } from '../../../src/generated/weir/admin/v1/plan_service.ts';
import { GrpcStatus } from '../../../src/transport/unary-call.ts';
import { countAttempts } from '../../support/attempts.ts';
import { GrpcClient } from '../../support/clients/grpc-client.ts';
import { newDatabase } from '../../support/databases.ts';
import { ADMINISTRATOR, NODE_SECRETS } from '../../support/node.ts';
import { startWeirProcess } from '../../support/weir-process.ts';

/** Fewer than one network may have, because further ones are closed before they carry a call. */
const CONNECTIONS = 120;
const CALLS = countAttempts(CONNECTIONS);
const MIB = 1024 * 1024;
const MESSAGE_BYTES = MIB;
/** The share of one network, and the memory of Node.js for the connections and the bytes under way. */
const MAX_GROWTH_BYTES = 150 * MIB;
const LOGIN = AuthServiceService.login.path;
const CREATE_PLAN = PlanServiceService.createPlan.path;

let started: Awaited<ReturnType<typeof startWeirProcess>>;
let admin: GrpcClient;
const sessions: ClientHttp2Session[] = [];

beforeAll(async () => {
  started = await startWeirProcess({
    DATABASE_URL: await newDatabase(),
    ...NODE_SECRETS,
  });
  admin = new GrpcClient(started.ports.admin);
});
afterEach(() => {
  for (const session of sessions.splice(0)) session.destroy();
});
afterAll(async () => {
  admin?.close();
  await started?.weir.stop();
});

interface Call {
  readonly stream: ClientHttp2Stream;
  /** Status of gRPC; undefined: the stream was reset. */
  readonly ended: Promise<number | undefined>;
}

function startCall(session: ClientHttp2Session, path: string): Call {
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  let status: number | undefined;
  for (const event of ['response', 'trailers']) {
    stream.on(event, ({ 'grpc-status': code }) => {
      if (code !== undefined) status = Number(code);
    });
  }
  stream.on('error', () => {}).resume();
  return { stream, ended: once(stream, 'close').then(() => status) };
}

function openSession(localAddress = '127.0.0.1'): ClientHttp2Session {
  const socket = { host: '127.0.0.1', port: started.ports.admin, localAddress };
  const session = connect('http://weir', { createConnection: () => createConnection(socket) });
  session.on('error', () => {});
  sessions.push(session);
  return session;
}

/** Begins calls over as many connections as there may be. */
function beginCalls(path: string): readonly Call[] {
  const opened = Array.from({ length: CONNECTIONS }, () => openSession());
  return Array.from({ length: CALLS / CONNECTIONS }, () => opened.map((session) => beginCall(session, path))).flat();
}

/** Begins a call, and sends its message except for the last bytes. */
function beginCall(session: ClientHttp2Session, path: string): Call {
  const call = startCall(session, path);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(MESSAGE_BYTES, 1);
  call.stream.write(Buffer.concat([prefix, Buffer.alloc(MESSAGE_BYTES - 100)]));
  return call;
}

async function readMemory(): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${started.ports.http}/metrics`)).text();
  return Number(/^process_resident_memory_bytes\{process="control"\} (\S+)/m.exec(text)?.[1]);
}

async function administrate(): Promise<void> {
  const { accessToken } = await admin.call(AuthServiceService.login, ADMINISTRATOR);
  const administrator = { authorization: `Bearer ${accessToken}` };
  const { plans } = await admin.call(PlanServiceService.listPlans, ListPlansRequest.fromPartial({}), administrator);
  expect(plans.length).toBeGreaterThan(0);
}

describe('calls of the admin plane that are begun and not finished', () => {
  it('are refused at once where nobody needs a large message', async () => {
    const calls = beginCalls(LOGIN);
    await administrate();
    const statuses = await Promise.all(calls.map(({ ended }) => ended));
    expect(new Set(statuses)).toEqual(new Set([GrpcStatus.RESOURCE_EXHAUSTED]));
  });

  it('hold a part of the memory until their deadline, leave the rest to other networks, and disturb nobody', async () => {
    const memory = await readMemory();
    const calls = beginCalls(CREATE_PLAN);
    await administrate();
    const other = beginCall(openSession('127.0.0.2'), CREATE_PLAN);
    other.stream.end(Buffer.alloc(100));
    expect(await other.ended).toBe(GrpcStatus.UNAUTHENTICATED); // the whole message was read
    const statuses = await Promise.all(calls.map(({ ended }) => ended));
    const held = statuses.filter((status) => status === undefined).length; // reset after the deadline
    expect(held).toBeGreaterThan(0);
    expect(held).toBeLessThanOrEqual(16);
    expect(statuses.filter((status) => status === GrpcStatus.RESOURCE_EXHAUSTED)).toHaveLength(CALLS - held);
    expect((await readMemory()) - memory).toBeLessThan(MAX_GROWTH_BYTES);
    await administrate();
  }, 60_000);

  it('cannot be streams of health checks', async () => {
    const { stream, ended } = startCall(openSession(), HealthService.watch.path);
    stream.write(Buffer.alloc(5 + HealthCheckRequest.encode({ service: '' }).finish().length));
    expect(await ended).toBe(GrpcStatus.UNIMPLEMENTED);
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { Flag, FrameType } from '../../src/transport/http2/frames/protocol-constants.ts';
import type { BatchHandler } from '../../src/transport/unary-call.ts';
import { L4Balancer } from '../support/servers/l4-balancer.ts';
import { waitUntil } from '../support/wait-until.ts';
import { callFrames, frame, METHOD } from './frame-builders.ts';
import { echo, keepCalls, useGrpcServer } from './use-grpc-server.ts';

const MAX_AGE_MS = 100;
const CONCURRENT_CALLS = 16;
const MIN_CONNECTIONS = 20;

const serve = useGrpcServer();
const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

describe('a connection that has reached the maximum age', () => {
  it('is asked to leave by two GOAWAYs, has its calls answered, and is closed', async () => {
    const { calls, handler } = keepCalls();
    const { connect } = await serve(handler, { maxConnectionAgeMs: MAX_AGE_MS });
    const peer = await connect();
    peer.send(callFrames(1));
    await peer.waitUntil(() => peer.goAways.length === 1);
    expect(peer.goAways).toEqual([{ lastStreamId: 2 ** 31 - 1, code: 0 }]);
    peer.send(callFrames(3)); // sent before the peer has read the GOAWAY
    const ping = peer.frames.findLast(({ type, flags }) => type === FrameType.PING && (flags & Flag.ACK) === 0);
    peer.send(frame(FrameType.PING, Flag.ACK, 0, ping?.payload));
    await peer.waitUntil(() => peer.goAways.length === 2);
    expect(peer.goAways[1]).toEqual({ lastStreamId: 3, code: 0 });
    expect(peer.isClosed).toBe(false);
    for (const call of calls) call.reply(Buffer.from('done'));
    expect((await peer.waitForResponse(1)).headers['grpc-status']).toBe('0');
    expect((await peer.waitForResponse(3)).headers['grpc-status']).toBe('0');
    await peer.waitUntilClosed();
  });

  it('is asked with its first call if it has carried none before', async () => {
    const { server, connect } = await serve(echo, { maxConnectionAgeMs: MAX_AGE_MS });
    const peer = await connect();
    await sleep(3 * MAX_AGE_MS);
    await peer.roundTrip();
    expect(peer.goAways).toEqual([]);
    peer.send(callFrames(1));
    expect((await peer.waitForResponse(1)).headers['grpc-status']).toBe('0');
    expect(peer.goAways).toEqual([{ lastStreamId: 2 ** 31 - 1, code: 0 }]);
    const ping = peer.frames.findLast(({ type, flags }) => type === FrameType.PING && (flags & Flag.ACK) === 0);
    peer.send(frame(FrameType.PING, Flag.ACK, 0, ping?.payload));
    await peer.waitUntilClosed();
    await waitUntil(() => server.countConnections() === 0);
  });
});

describe('a client behind a layer-4 balancer', () => {
  it('reaches a node that was added later, over many connections and without a failed call', async () => {
    const { first, second, balancer, callOnce } = await startBalancedNodes({ maxConnectionAgeMs: MAX_AGE_MS });
    const outcome = await callUntil(
      () => balancer.connectionCount >= MIN_CONNECTIONS,
      callOnce,
      () => balancer.serverPorts.push(second.port),
    );
    expect(outcome.failures).toEqual([]);
    expect(outcome.succeeded).toBeGreaterThan(500);
    expect(first.callCount).toBeGreaterThan(0);
    expect(second.callCount).toBeGreaterThan(0);
    expect(first.callCount + second.callCount).toBe(outcome.succeeded);
  });

  it('stays on its first node if connections have no maximum age', async () => {
    const { first, second, balancer, callOnce } = await startBalancedNodes({});
    const outcome = await callUntil(
      () => first.callCount >= 1000,
      callOnce,
      () => balancer.serverPorts.push(second.port),
    );
    expect(outcome.failures).toEqual([]);
    expect([balancer.connectionCount, second.callCount]).toEqual([1, 0]);
  });
});

interface CountingNode {
  readonly port: number;
  callCount: number;
}

/** Starts two nodes, a balancer that knows the first one only, and a client of the balancer. */
async function startBalancedNodes(options: { maxConnectionAgeMs?: number }) {
  const [first, second] = [await startCountingNode(options), await startCountingNode(options)];
  const balancer = await L4Balancer.start([first.port]);
  const client = new Client(`127.0.0.1:${balancer.port}`, credentials.createInsecure());
  cleanUps.push(
    () => client.close(),
    () => balancer.stop(),
  );
  return { first, second, balancer, callOnce: () => call(client) };
}

/** Answers after a moment, so that calls are in progress when a connection reaches its age. */
async function startCountingNode(options: { maxConnectionAgeMs?: number }): Promise<CountingNode> {
  const handler: BatchHandler = (calls) => {
    node.callCount += calls.length;
    setTimeout(() => {
      for (const call of calls) call.reply(Buffer.from('done'));
    }, 3);
  };
  const { server } = await serve(handler, options);
  const node: CountingNode = { port: server.address.port, callCount: 0 };
  return node;
}

function call(client: Client): Promise<void> {
  const passThrough = (bytes: Buffer) => bytes;
  const options = { deadline: Date.now() + 10_000 };
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(METHOD, passThrough, passThrough, Buffer.from('x'), new Metadata(), options, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

/** Makes calls, several at a time, until the condition holds. After 100 calls, it runs `addNode` once. */
async function callUntil(isDone: () => boolean, callOnce: () => Promise<void>, addNode: () => void) {
  const outcome: { succeeded: number; failures: unknown[] } = { succeeded: 0, failures: [] };
  const runCaller = async (): Promise<void> => {
    while (!isDone() && outcome.failures.length === 0) {
      try {
        await callOnce();
        outcome.succeeded += 1;
        if (outcome.succeeded === 100) addNode();
      } catch (error) {
        outcome.failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_CALLS }, runCaller));
  return outcome;
}

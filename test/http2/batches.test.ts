import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { GrpcStatus } from '../../src/transport/unary-call.ts';
import { callFrames, requestHeaders, resetFrame } from './frame-builders.ts';
import type { RawPeer } from './raw-peer.ts';
import { echo, keepCalls, useGrpcServer } from './use-grpc-server.ts';

const serve = useGrpcServer();

describe('a batch', () => {
  it('contains the calls of all connections that arrived in one turn, and causes one write on each', async () => {
    const { batchSizes, handler } = keepCalls();
    const { connect } = await serve((calls) => {
      handler(calls);
      echo(calls);
    });
    const [one, two] = [await connect(), await connect()];
    await Promise.all([one.roundTrip(), two.roundTrip()]);
    const reads = { one: 0, two: 0 };
    one.socket.on('data', () => {
      reads.one += 1;
    });
    two.socket.on('data', () => {
      reads.two += 1;
    });
    one.send(callFrames(1), callFrames(3), callFrames(5));
    two.send(callFrames(1), callFrames(3));
    await Promise.all([one.waitForResponse(5), two.waitForResponse(3)]);
    expect(batchSizes).toEqual([5]);
    expect(reads).toEqual({ one: 1, two: 1 });
  });

  it('omits a call that was reset in the same turn', async () => {
    const { calls, handler } = keepCalls();
    const { connect } = await serve(handler);
    const peer = await connect();
    peer.send(callFrames(1), callFrames(3), resetFrame(1));
    await peer.roundTrip();
    expect(calls).toHaveLength(1);
  });

  it('omits a call whose deadline has passed, which fails with DEADLINE_EXCEEDED', async () => {
    const { calls, handler } = keepCalls();
    const { connect } = await serve(handler);
    const peer = await connect();
    peer.send(callFrames(1, undefined, requestHeaders([['grpc-timeout', '1n']])));
    expect((await peer.waitForResponse(1)).headers['grpc-status']).toBe(String(GrpcStatus.DEADLINE_EXCEEDED));
    expect(calls).toEqual([]);
  });

  it('omits a call that arrived while the event loop was blocked, if its deadline has passed since', async () => {
    const handledPaths: string[] = [];
    const lateCalls = [
      callFrames(3, undefined, requestHeaders([['grpc-timeout', '50m']], '/late')),
      callFrames(5, undefined, requestHeaders([['grpc-timeout', '5S']], '/in-time')),
    ];
    const { connect } = await serve((calls) => {
      handledPaths.push(...calls.map(({ path }) => path));
      const end = performance.now() + 300;
      if (lateCalls.length > 0) {
        peer.send(...lateCalls.splice(0));
        while (performance.now() < end);
      }
      echo(calls);
    });
    const peer = await connect();
    await peer.roundTrip();
    peer.send(callFrames(1, undefined, requestHeaders([], '/first')));
    expect((await peer.waitForResponse(3)).headers['grpc-status']).toBe(String(GrpcStatus.DEADLINE_EXCEEDED));
    expect((await peer.waitForResponse(5)).headers['grpc-status']).toBe('0');
    expect(handledPaths).toEqual(['/first', '/in-time']);
  });
});

describe('a call in progress', () => {
  it.each([
    ['resets it', (peer: RawPeer) => peer.send(resetFrame(1))],
    ['closes its connection', (peer: RawPeer) => peer.socket.destroy()],
  ])('is marked as cancelled when the caller %s, and replying to it does nothing', async (_name, leave) => {
    const { calls, handler } = keepCalls();
    const { connect } = await serve(handler);
    const [peer, other] = [await connect(), await connect()];
    peer.send(callFrames(1));
    await peer.roundTrip();
    expect(calls[0]?.cancelled).toBe(false);
    leave(peer);
    await other.roundTrip();
    await sleep(20);
    expect(calls[0]?.cancelled).toBe(true);
    calls[0]?.reply(Buffer.from('nobody'));
    await other.roundTrip();
  });

  it('is cancelled, and its connection closed, when the caller closes only its sending side', async () => {
    const { calls, handler } = keepCalls();
    const { server, connect } = await serve(handler);
    const peer = await connect();
    peer.send(callFrames(1));
    await peer.roundTrip();
    peer.socket.end();
    await peer.waitUntilClosed();
    expect(calls[0]?.cancelled).toBe(true);
    await sleep(20);
    expect(server.countConnections()).toBe(0);
  });

  it('can be reset any number of times without a GOAWAY; reading pauses while too many requests are outstanding', {
    timeout: 60_000,
  }, async () => {
    const { calls, handler } = keepCalls();
    const { connect } = await serve(handler);
    const peer = await connect();
    let id = 1;
    let maxOutstanding = 0;
    for (let round = 0; round < 100; round++) {
      const frames: Buffer[] = [];
      for (let index = 0; index < 50; index++, id += 2) frames.push(callFrames(id));
      peer.send(...frames);
      await sleep(1);
      peer.send(...Array.from({ length: 50 }, (_, index) => resetFrame(id - 2 * (index + 1))));
      maxOutstanding = Math.max(maxOutstanding, calls.length);
      if (calls.length >= 2048) for (const call of calls.splice(0)) call.reply(Buffer.from('late'));
    }
    for (let round = 0; round < 20; round++) {
      for (const call of calls.splice(0)) call.reply(Buffer.from('late'));
      await sleep(10);
    }
    await peer.roundTrip();
    expect(maxOutstanding).toBeGreaterThanOrEqual(2000);
    expect(maxOutstanding).toBeLessThan(2048 + 1000);
    expect(peer.goAways).toEqual([]);
    peer.send(callFrames(id));
    await peer.roundTrip();
    calls[0]?.reply(Buffer.from('served'));
    expect((await peer.waitForResponse(id)).headers['grpc-status']).toBe('0');
  });
});

import { setImmediate as endOfTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Http2GrpcServer } from '../../src/transport/grpc-http2/http2-grpc-server.ts';
import { Flag, FrameType } from '../../src/transport/http2/frames/protocol-constants.ts';
import { callFrames, frame } from './frame-builders.ts';
import { echo, keepCalls, statusHeaders, useGrpcServer } from './use-grpc-server.ts';

const serve = useGrpcServer();

describe('a server that stops', () => {
  it('sends two GOAWAYs, answers the calls in between, then closes its connections and its listener', async () => {
    const { calls, handler } = keepCalls();
    const { server, connect } = await serve(handler);
    const peer = await connect();
    peer.send(callFrames(1));
    await peer.roundTrip();
    const stopped = server.stop({ graceMs: 10_000 });
    await peer.waitUntil(() => peer.goAways.length === 1);
    expect(peer.goAways).toEqual([{ lastStreamId: 2 ** 31 - 1, code: 0 }]);
    peer.send(callFrames(3));
    const ping = peer.frames.findLast(({ type, flags }) => type === FrameType.PING && (flags & Flag.ACK) === 0);
    peer.send(frame(FrameType.PING, Flag.ACK, 0, ping?.payload));
    await peer.waitUntil(() => peer.goAways.length === 2);
    expect(peer.goAways[1]).toEqual({ lastStreamId: 3, code: 0 });
    expect(peer.isClosed).toBe(false);
    for (const call of calls) call.reply(Buffer.from('done'));
    expect((await peer.waitForResponse(1)).headers['grpc-status']).toBe('0');
    expect((await peer.waitForResponse(3)).headers['grpc-status']).toBe('0');
    await stopped;
    await expect(connect()).rejects.toThrow('ECONNREFUSED');
  });

  it('serves clients that connect while the calls of others are still in progress', async () => {
    const { calls, handler } = keepCalls();
    const { server, connect } = await serve(handler);
    const early = await connect();
    early.send(callFrames(1));
    await early.roundTrip();
    const stopped = server.stop({ graceMs: 10_000 });
    const late = await connect();
    late.send(callFrames(1));
    await late.roundTrip();
    for (const call of calls) call.reply(Buffer.from('done'));
    expect((await late.waitForResponse(1)).headers['grpc-status']).toBe('0');
    await stopped;
  });

  // As Envoy does with its next call, unless it knows that the node stops. The kernel establishes connections until the
  // listener closes, and resets those that the listener has not accepted by then.
  it('still serves a client that was asked to leave and connects again', async () => {
    const { server, connect } = await serve(echo);
    const peer = await connect();
    peer.send(callFrames(1));
    await peer.waitForResponse(1);
    const stopped = server.stop({ graceMs: 10_000 });
    await peer.waitUntil(() => peer.goAways.length === 1);
    peer.socket.destroy();
    while (server.countConnections() > 0) await endOfTurn();
    const again = await connect();
    again.send(callFrames(1));
    expect((await again.waitForResponse(1)).headers['grpc-status']).toBe('0');
    await stopped;
    await expect(connect()).rejects.toThrow('ECONNREFUSED');
  });

  it('closes its listener within the grace period although clients keep connecting', async () => {
    const { server, connect } = await serve(echo);
    await connect();
    let hasStopped = false;
    const stopped = server.stop({ graceMs: 1_000 }).then(() => {
      hasStopped = true;
    });
    const keepConnecting = async (): Promise<void> => {
      while (!hasStopped) (await connect()).socket.destroy();
    };
    await expect(keepConnecting()).rejects.toThrow(/ECONNREFUSED|ECONNRESET/);
    await stopped;
  });

  it.each([
    ['it is about to stop', (_: Http2GrpcServer, leaving: AbortController) => leaving.abort()],
    ['it stops', (server: Http2GrpcServer) => void server.stop({ graceMs: 10_000 })],
  ])('tells Envoy in its replies to send it no more calls once %s', async (_, leave) => {
    const leaving = new AbortController();
    const { server, connect } = await serve(echo, { leaving: leaving.signal });
    const peer = await connect();
    peer.send(callFrames(1));
    expect((await peer.waitForResponse(1)).headers).toEqual(statusHeaders(0));
    leave(server, leaving);
    peer.send(callFrames(3));
    expect((await peer.waitForResponse(3)).headers).toEqual({
      ...statusHeaders(0),
      'x-envoy-immediate-health-check-fail': 'true',
    });
  });

  it('closes the remaining connections when the grace period is over', async () => {
    const { handler } = keepCalls();
    const { server, connect } = await serve(handler);
    const peer = await connect();
    peer.send(callFrames(1));
    await peer.roundTrip();
    await server.stop({ graceMs: 100 });
    await peer.waitUntilClosed();
    expect(server.countConnections()).toBe(0);
  });
});

import { describe, expect, it } from 'vitest';
import { callFrames, frame, headersFrame, preface } from '../../../test/http2/frame-builders.ts';
import { CONNECTION_LIMITS } from './connection-limits.ts';
import { FrameType } from './frames/protocol-constants.ts';
import { ServerConnection } from './server-connection.ts';

const { unfinishedTimeoutMs } = CONNECTION_LIMITS;

/** A connection that has received the parts at the time `now`, and whose output so far has been sent. */
function connectionAt(now: number, ...parts: readonly Uint8Array[]): ServerConnection<undefined> {
  const receiver = { onData: () => {}, onEnd: () => {}, onReset: () => {} };
  const connection = new ServerConnection({ readHead: () => undefined, acceptRequest: () => receiver });
  connection.receive(Buffer.concat(parts), now);
  connection.output.take();
  connection.output.release();
  return connection;
}

const openHeaderBlock = frame(FrameType.HEADERS, 0, 1, Buffer.from([0x82]));

describe('a sweep', () => {
  it.each([
    ['preface', []],
    ['frame', [preface, callFrames(1).subarray(0, 12)]],
    ['header block', [preface, openHeaderBlock]],
  ])('ends the connection when a %s has stayed unfinished for the timeout', (_, parts) => {
    const connection = connectionAt(0, ...parts);
    connection.sweep(unfinishedTimeoutMs);
    connection.sweep(2 * unfinishedTimeoutMs - 1);
    expect(connection.isFinished).toBe(false);
    connection.sweep(2 * unfinishedTimeoutMs);
    expect(connection.isFinished).toBe(true);
  });

  it('keeps the connection when the unfinished frame has arrived since, and another one is unfinished now', () => {
    const connection = connectionAt(0, preface, callFrames(1).subarray(0, 12));
    connection.sweep(0);
    connection.receive(Buffer.concat([callFrames(1).subarray(12), callFrames(3).subarray(0, 12)]), 1);
    connection.sweep(unfinishedTimeoutMs);
    expect(connection.isFinished).toBe(false);
  });

  it('keeps the connection while reading is paused, because the missing part may have arrived unread', () => {
    const pings = Buffer.concat(Array.from({ length: 20_000 }, () => frame(FrameType.PING, 0, 0, Buffer.alloc(8))));
    const connection = connectionAt(0, preface);
    connection.receive(Buffer.concat([pings, openHeaderBlock]), 0);
    connection.sweep(0);
    connection.sweep(unfinishedTimeoutMs);
    expect(connection.isFinished).toBe(false);
    connection.output.take();
    connection.sweep(2 * unfinishedTimeoutMs);
    expect(connection.isFinished).toBe(true);
  });

  it('resets a stream whose request body does not end, but not one that waits for the application', () => {
    const connection = connectionAt(0, preface, headersFrame(1), callFrames(3));
    connection.sweep(0);
    connection.sweep(unfinishedTimeoutMs - 1);
    expect(connection.output.length).toBe(0);
    connection.sweep(unfinishedTimeoutMs);
    const [reset] = connection.output.take();
    expect(reset).toEqual(frame(FrameType.RST_STREAM, 0, 1, Buffer.from([0, 0, 0, 8])));
    expect(connection.isFinished).toBe(false);
  });

  it('completes a graceful shutdown when the peer does not answer the first GOAWAY for the timeout', () => {
    const connection = connectionAt(0, preface, callFrames(1));
    connection.announceShutdown();
    connection.sweep(0);
    connection.sweep(unfinishedTimeoutMs - 1);
    connection.output.take();
    connection.output.release();
    expect(connection.output.length).toBe(0);
    connection.sweep(unfinishedTimeoutMs);
    const [goAway] = connection.output.take();
    expect(goAway).toEqual(frame(FrameType.GOAWAY, 0, 0, Buffer.from([0, 0, 0, 1, 0, 0, 0, 0])));
    expect(connection.isFinished).toBe(false);
  });

  it('lets the announcement of a shutdown wait for the first stream as long as it takes', () => {
    const connection = connectionAt(0, preface, frame(FrameType.SETTINGS, 0, 0));
    connection.announceShutdown();
    connection.sweep(0);
    connection.sweep(10 * unfinishedTimeoutMs);
    expect(connection.output.length).toBe(0);
    expect(connection.isFinished).toBe(false);
  });
});

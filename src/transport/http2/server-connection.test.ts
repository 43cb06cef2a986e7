import { describe, expect, it } from 'vitest';
import { call, frame, headersFrame, preface } from '../../../test/http2/frame-builders.ts';
import { FrameType } from './frames/protocol-constants.ts';
import { LIMITS } from './connection-limits.ts';
import { ServerConnection } from './server-connection.ts';

function connectionAt(now: number, ...parts: readonly Uint8Array[]): ServerConnection<undefined> {
  const receiver = { data: () => {}, end: () => {}, reset: () => {} };
  const connection = new ServerConnection({ readHead: () => undefined, accept: () => receiver });
  connection.receive(Buffer.concat(parts), now);
  connection.output.take();
  connection.output.release();
  return connection;
}

const openBlock = frame(FrameType.HEADERS, 0, 1, Buffer.from([0x82]));

describe('what a peer leaves unfinished', () => {
  it.each([
    ['a preface', []],
    ['a frame', [preface, call(1).subarray(0, 12)]],
    ['a header block', [preface, openBlock]],
  ])('ends the connection: %s, once it was seen for long enough', (_, parts) => {
    const connection = connectionAt(0, ...parts);
    connection.sweep(LIMITS.unfinished);
    connection.sweep(2 * LIMITS.unfinished - 1);
    expect(connection.isFinished).toBe(false);
    connection.sweep(2 * LIMITS.unfinished);
    expect(connection.isFinished).toBe(true);
  });

  it('is not held against it when it came meanwhile, and something else is unfinished now', () => {
    const connection = connectionAt(0, preface, call(1).subarray(0, 12));
    connection.sweep(0);
    connection.receive(Buffer.concat([call(1).subarray(12), call(3).subarray(0, 12)]), 1);
    connection.sweep(LIMITS.unfinished);
    expect(connection.isFinished).toBe(false);
  });

  it('is not held against it while reading pauses: it may long be there', () => {
    const pings = Buffer.concat(Array.from({ length: 20_000 }, () => frame(FrameType.PING, 0, 0, Buffer.alloc(8))));
    const connection = connectionAt(0, preface);
    connection.receive(Buffer.concat([pings, openBlock]), 0);
    connection.sweep(0);
    connection.sweep(LIMITS.unfinished);
    expect(connection.isFinished).toBe(false);
    connection.output.take();
    connection.sweep(2 * LIMITS.unfinished);
    expect(connection.isFinished).toBe(true);
  });

  it('resets a stream whose body does not end, and none that waits for the application', () => {
    const connection = connectionAt(0, preface, headersFrame(1), call(3));
    connection.sweep(0);
    connection.sweep(LIMITS.unfinished - 1);
    expect(connection.output.length).toBe(0);
    connection.sweep(LIMITS.unfinished);
    const [reset] = connection.output.take();
    expect(reset).toEqual(frame(FrameType.RST_STREAM, 0, 1, Buffer.from([0, 0, 0, 8])));
    expect(connection.isFinished).toBe(false);
  });
});

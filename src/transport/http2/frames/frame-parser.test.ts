import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameParser } from './frame-parser.ts';
import { MAX_FRAME_LENGTH } from './protocol-constants.ts';

interface Seen {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

function collector(): { splitter: FrameParser; seen: Seen[] } {
  const seen: Seen[] = [];
  const takeFrame = (
    type: number,
    flags: number,
    streamId: number,
    bytes: Buffer,
    start: number,
    end: number,
  ): void => {
    seen.push({ type, flags, streamId, payload: Buffer.from(bytes.subarray(start, end)) });
  };
  return { splitter: new FrameParser({ takeFrame }), seen };
}

function encode({ type, flags, streamId, payload }: Seen): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

const frame = fc.record({
  type: fc.integer({ min: 0, max: 255 }),
  flags: fc.integer({ min: 0, max: 255 }),
  streamId: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  payload: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
});

describe('a frame splitter', () => {
  it('finds the frames that were sent, however they are cut', () => {
    fc.assert(
      fc.property(fc.array(frame), fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }), (frames, sizes) => {
        const { splitter, seen } = collector();
        const bytes = Buffer.concat(frames.map(encode));
        for (let at = 0, index = 0; at < bytes.length; index++) {
          const size = sizes[index % sizes.length] ?? 1;
          splitter.split(bytes.subarray(at, at + size), 0);
          at += size;
        }
        expect(seen).toEqual(frames);
      }),
    );
  });

  it('ignores the reserved bit of the stream id', () => {
    const { splitter, seen } = collector();
    splitter.split(Buffer.from('000000000080000001', 'hex'), 0);
    expect(seen).toMatchObject([{ streamId: 1 }]);
  });

  it('refuses a frame above the largest size as soon as its header is there', () => {
    const header = Buffer.alloc(9);
    header.writeUIntBE(MAX_FRAME_LENGTH + 1, 0, 3);
    expect(() => collector().splitter.split(header, 0)).toThrow('largest size');
    const { splitter } = collector();
    splitter.split(header.subarray(0, 4), 0);
    expect(() => splitter.split(header.subarray(4), 0)).toThrow('largest size');
  });
});

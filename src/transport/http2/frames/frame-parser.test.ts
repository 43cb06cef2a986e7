import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FrameHandler, FrameParser } from './frame-parser.ts';
import { MAX_FRAME_SIZE } from './protocol-constants.ts';

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

function createParser(): { parser: FrameParser; parsed: Frame[] } {
  const parsed: Frame[] = [];
  const handleFrame: FrameHandler['handleFrame'] = (type, flags, streamId, bytes, start, end) => {
    parsed.push({ type, flags, streamId, payload: Buffer.from(bytes.subarray(start, end)) });
  };
  return { parser: new FrameParser({ handleFrame }), parsed };
}

function encode({ type, flags, streamId, payload }: Frame): Buffer {
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

describe('a frame parser', () => {
  it('finds the frames that were sent, however their bytes are split', () => {
    fc.assert(
      fc.property(fc.array(frame), fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1 }), (frames, sizes) => {
        const { parser, parsed } = createParser();
        const bytes = Buffer.concat(frames.map(encode));
        for (let offset = 0, index = 0; offset < bytes.length; index++) {
          const size = sizes[index % sizes.length] ?? 1;
          parser.parse(bytes.subarray(offset, offset + size), 0);
          offset += size;
        }
        expect(parsed).toEqual(frames);
      }),
    );
  });

  it('ignores the reserved bit of the stream id', () => {
    const { parser, parsed } = createParser();
    parser.parse(Buffer.from('000000000080000001', 'hex'), 0);
    expect(parsed).toMatchObject([{ streamId: 1 }]);
  });

  it('rejects a frame above the maximum size as soon as its header has arrived', () => {
    const header = Buffer.alloc(9);
    header.writeUIntBE(MAX_FRAME_SIZE + 1, 0, 3);
    const message = 'frame payload: must be at most 16384 bytes (got 16385)';
    expect(() => createParser().parser.parse(header, 0)).toThrow(message);
    const { parser } = createParser();
    parser.parse(header.subarray(0, 4), 0);
    expect(() => parser.parse(header.subarray(4), 0)).toThrow(message);
  });
});

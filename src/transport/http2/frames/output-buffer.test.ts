import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutputBuffer } from './output-buffer.ts';

describe('an output buffer', () => {
  it('returns the bytes that were written, in their order, however long the pieces are', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 8 }), (lengths) => {
        const output = new OutputBuffer();
        const expected: Buffer[] = [];
        for (const [index, length] of lengths.entries()) {
          const piece = Buffer.alloc(length, index + 1);
          output.writeFrameHeader(length, 1, 2, 3);
          output.writeBytes(piece);
          const header = Buffer.from([length >>> 16, length >>> 8, length, 1, 2, 0, 0, 0, 3]);
          expected.push(header, piece);
        }
        const expectedBytes = Buffer.concat(expected);
        expect(output.length).toBe(expectedBytes.length);
        expect(Buffer.concat(output.take()).equals(expectedBytes)).toBe(true);
        expect(output.length).toBe(0);
        output.release();
      }),
    );
  });

  it('does not change taken bytes before they are released, even if more is written meanwhile', () => {
    const output = new OutputBuffer();
    output.writeBytes(Buffer.from('first'));
    const [taken] = output.take();
    output.writeBytes(Buffer.from('second'));
    expect(taken?.toString()).toBe('first');
    output.release();
    expect(Buffer.concat(output.take()).toString()).toBe('second');
    output.release();
  });
});

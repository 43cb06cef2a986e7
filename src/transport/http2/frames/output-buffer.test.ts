import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OutputBuffer } from './output-buffer.ts';

describe('output', () => {
  it('is what was written, in its order, however long the pieces', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 8 }), (lengths) => {
        const output = new OutputBuffer();
        const expected: Buffer[] = [];
        for (const [index, length] of lengths.entries()) {
          const piece = Buffer.alloc(length, index + 1);
          output.frameHeader(length, 1, 2, 3);
          output.bytes(piece);
          const header = Buffer.from([length >>> 16, length >>> 8, length, 1, 2, 0, 0, 0, 3]);
          expected.push(header, piece);
        }
        const all = Buffer.concat(expected);
        expect(output.length).toBe(all.length);
        expect(Buffer.concat(output.take()).equals(all)).toBe(true);
        expect(output.length).toBe(0);
        output.release();
      }),
    );
  });

  it('that was taken stays as it is until it is released, whatever is written meanwhile', () => {
    const output = new OutputBuffer();
    output.bytes(Buffer.from('first'));
    const [taken] = output.take();
    output.bytes(Buffer.from('second'));
    expect(taken?.toString()).toBe('first');
    output.release();
    expect(Buffer.concat(output.take()).toString()).toBe('second');
    output.release();
  });
});

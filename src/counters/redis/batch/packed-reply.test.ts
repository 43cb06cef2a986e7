import { describe, expect, it } from 'vitest';
import { PackedReply } from './packed-reply.ts';

const TIME = [0, 6, 0x4c, 0xfe, 0x2c, 0xf7, 0x40];

function reply(...bytes: readonly number[]): PackedReply {
  return new PackedReply(Buffer.from([...TIME, ...bytes]));
}

describe('a packed reply', () => {
  it('begins with the time of the shard', () => {
    expect(reply(0).timeMicros).toBe(0x064c_fe2c_f740);
    expect(reply(0).isLate).toBe(false);
  });

  it('is late when it contains nothing but the time', () => {
    expect(reply().isLate).toBe(true);
  });

  it('reads its numbers one after another', () => {
    const numbers = reply(0, 1, 2, 255, 255, 255, 255, 255, 254, 1, 0, 0, 0, 0, 0, 3);
    expect([numbers.readUint24(), numbers.readInt48(), numbers.readUint56()]).toEqual([258, -2, 2 ** 48 + 3]);
    expect(() => numbers.assertFullyRead()).not.toThrow();
  });

  it('throws when it is shorter than the numbers that are read', () => {
    expect(() => reply(0, 1).readUint24()).toThrow(RangeError);
  });

  it('throws when it is longer than the numbers that were read', () => {
    const numbers = reply(0, 1, 2, 3);
    numbers.readUint24();
    expect(() => numbers.assertFullyRead()).toThrow('Redis reply: must be 10 bytes long (got 11)');
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLimit } from '../core/parse-limit.ts';
import type { Receipt } from './ports.ts';
import { readReceipt, writeReceipt } from './receipt-text.ts';

const ALL = Number.MAX_SAFE_INTEGER;

function slotLimit(requests: number, windowSeconds: number) {
  const limit = parseLimit({ name: 'in-flight', requests, window: `${windowSeconds}s`, algorithm: 'concurrency' });
  if (!('identity' in limit)) throw new Error('a limit of slots expected');
  return limit;
}

const taken = fc.record({
  charge: fc.record({
    subject: fc.string({ unit: 'binary' }).map((text) => Buffer.from(text).toString()), // no lone surrogates
    limit: fc.record({ requests: fc.integer({ min: 1, max: 1e9 }), seconds: fc.integer({ min: 1, max: 86_400 }) }),
    hits: fc.integer({ min: 1, max: 1e9 }),
  }),
  end: fc.maxSafeNat(),
});
const receipts = fc.record({
  id: fc.uuid(),
  source: fc.constantFrom('memory' as const, 'redis' as const, 'fail-local' as const),
  expires: fc.maxSafeNat(),
  taken: fc.array(
    taken.map(({ charge: { limit, ...charge }, end }) => {
      return { charge: { ...charge, limit: slotLimit(limit.requests, limit.seconds) }, end };
    }),
    { maxLength: 4 },
  ),
});

describe('the text of a receipt', () => {
  it('is read as what was written, in characters that need no escape anywhere', () => {
    fc.assert(
      fc.property(receipts, (receipt: Receipt) => {
        const text = writeReceipt(receipt);
        expect(text).toMatch(/^[\w-]+$/);
        expect(readReceipt(text, ALL)).toEqual(receipt);
      }),
    );
  });

  it('gives back no more of a charge than asked', () => {
    const charge = { subject: 'a', limit: slotLimit(10, 60), hits: 5 };
    const receipt: Receipt = { id: 'x', source: 'redis', expires: 9, taken: [{ charge, end: 9 }] };
    expect(readReceipt(writeReceipt(receipt), 2)?.taken[0]?.charge.hits).toBe(2);
  });

  it.each([
    '',
    'x',
    '%',
    'bnVsbA',
    encoded(null),
    encoded([1]),
    encoded([2, 'id', 'redis', 1, []]),
    encoded([1, '', 'redis', 1, []]),
    encoded([1, 7, 'redis', 1, []]),
    encoded([1, 'id', 'lease', 1, []]),
    encoded([1, 'id', 'redis', 1.5, []]),
    encoded([1, 'id', 'redis', -1, []]),
    encoded([1, 'id', 'redis', 1, {}]),
    encoded([1, 'id', 'redis', 1, [null]]),
    encoded([1, 'id', 'redis', 1, [['a', 'n', 0, 60, 1, 1]]]),
    encoded([1, 'id', 'redis', 1, [['a', 'N!', 1, 60, 1, 1]]]),
    encoded([1, 'id', 'redis', 1, [['a', 'n', 1, 1e9, 1, 1]]]),
    encoded([1, 'id', 'redis', 1, [['a', 'n', 1, 60, '1', 1]]]),
    encoded([1, 'id', 'redis', 1, [['a', 'n', 1, 60, 1]]]),
    'A'.repeat(1_000_000),
  ])('is none: %.40s', (text) => expect(readReceipt(text, ALL)).toBeUndefined());
});

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

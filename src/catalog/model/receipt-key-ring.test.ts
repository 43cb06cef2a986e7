import { describe, expect, it } from 'vitest';
import { ReceiptKeyRing } from './receipt-key-ring.ts';

const MINUTE_MS = 60_000;
const NOW = 1_800_000_000_000;

function ringOf(createdAt: Readonly<Record<string, number>>): ReceiptKeyRing {
  const ring = new ReceiptKeyRing();
  for (const [id, time] of Object.entries(createdAt)) ring.apply(id, { secret: '07'.repeat(32), createdAt: time });
  return ring;
}

describe('the key of new receipts', () => {
  it('is the newest that is at least a minute old, so that every node knows it', () => {
    const ring = ringOf({ newest: NOW - MINUTE_MS + 1, newer: NOW - MINUTE_MS, old: NOW - 10 * MINUTE_MS });
    expect(ring.findSigningKey(NOW)?.id).toBe('newer');
    expect(ring.findSigningKey(NOW + 1)?.id).toBe('newest');
  });

  it('is the oldest while all are newer, as in a new database', () => {
    expect(ringOf({ second: NOW - 1, first: NOW - 2 }).findSigningKey(NOW)?.id).toBe('first');
  });

  it('is undefined without keys, and after the last one was deleted', () => {
    expect(ringOf({}).findSigningKey(NOW)).toBeUndefined();
    const ring = ringOf({ only: 0 });
    ring.apply('only', null);
    expect(ring.findSigningKey(NOW)).toBeUndefined();
    expect(ring.find('only')).toBeUndefined();
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { UntrustedLimitSpec } from '../../domain/limits/limit-spec.ts';
import { parseLimit } from '../../domain/limits/parse-limit.ts';
import type { Receipt } from '../ports.ts';
import { decodeReceipt, encodeReceipt } from './codec.ts';

function limitOf(written: UntrustedLimitSpec) {
  const limit = parseLimit({ name: 'tokens', ...written });
  if (!('identity' in limit)) throw new Error(`a limit that counts was expected: ${JSON.stringify(limit)}`);
  return limit;
}

const requests = fc.integer({ min: 1, max: 1e9 });
const seconds = fc.integer({ min: 1, max: 86_400 }).map((each) => `${each}s`);
const blockFor = fc.option(seconds, { nil: undefined });
const limits = fc.oneof(
  fc.record({ requests, window: seconds, algorithm: fc.constant('concurrency') }),
  fc.record({ requests, window: seconds, blockFor, algorithm: fc.constantFrom('sliding_window', 'fixed_window') }),
  fc.record({ requests, window: seconds, blockFor, algorithm: fc.constant('token_bucket'), burst: fc.constant(7) }),
  fc.record({
    requests,
    window: fc.constant('1mo'),
    algorithm: fc.constant('calendar'),
    timeZone: fc.constantFrom('', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5'),
    anchorDay: fc.constantFrom(undefined, 15, 31),
  }),
  fc.record({ requests, window: fc.constantFrom('1h', '1d', '1w', '1y'), algorithm: fc.constant('calendar') }),
);

const receipts = fc.record({
  id: fc.uuid(),
  source: fc.constantFrom('memory' as const, 'redis' as const, 'fail-local' as const),
  expires: fc.maxSafeNat(),
  granted: fc.array(
    fc.record({
      charge: fc.record({
        subject: fc.string({ unit: 'binary' }).map((text) => Buffer.from(text).toString()), // no lone surrogates
        limit: limits.map(limitOf),
        hits: fc.integer({ min: 0, max: 1e9 }),
      }),
      end: fc.maxSafeNat(),
    }),
    { maxLength: 4 },
  ),
});

describe('the text of a receipt', () => {
  it('is read as what was written, in characters that need no escape anywhere', () => {
    fc.assert(
      fc.property(receipts, (receipt: Receipt) => {
        const text = encodeReceipt(receipt);
        expect(text).toMatch(/^[\w-]+$/);
        expect(decodeReceipt(text)).toEqual(receipt);
      }),
    );
  });

  it('is short, as a header’s value may be: of a budget of tokens a minute and one a month', () => {
    const charges = [
      limitOf({ requests: 1e5, window: '1m' }),
      limitOf({ requests: 1e7, window: '1mo', algorithm: 'calendar' }),
    ];
    const granted = charges.map((limit) => ({
      charge: { subject: 'rule|ai|account|a1', limit, hits: 500 },
      end: 1.8e15,
    }));
    const text = encodeReceipt({ id: crypto.randomUUID(), source: 'redis', expires: 1.8e15, granted });
    expect(text.length).toBeLessThan(300);
  });

  it.each([
    '',
    'x',
    '%',
    'bnVsbA',
    encoded(null),
    encoded([2]),
    encoded([1, 'id', 'redis', 1, []]),
    encoded([2, '', 'redis', 1, []]),
    encoded([2, 7, 'redis', 1, []]),
    encoded([2, 'id', 'lease', 1, []]),
    encoded([2, 'id', 'redis', 1.5, []]),
    encoded([2, 'id', 'redis', -1, []]),
    encoded([2, 'id', 'redis', 1, {}]),
    encoded([2, 'id', 'redis', 1, [null]]),
    encoded([2, 'id', 'redis', 1, [['a', 'n/s60', -1, 1, 1]]]),
    encoded([2, 'id', 'redis', 1, [['a', 'N!/s60', 1, 1, 1]]]),
    encoded([2, 'id', 'redis', 1, [['a', 'n/x60', 1, 1, 1]]]),
    encoded([2, 'id', 'redis', 1, [['a', 'n/s060', 1, 1, 1]]]),
    encoded([2, 'id', 'redis', 1, [['a', 'n/s60@UTC', 1, 1, 1]]]),
    encoded([2, 'id', 'redis', 1, [['a', 'n/c1mo@Nowhere/City', 1, 1, 1]]]),
    encoded([2, 'id', 'redis', 1, [['a', 'n/n1000000000', 1, 1, 1]]]),
    encoded([2, 'id', 'redis', 1, [['a', 'n/s60', 1, 2 ** 47, 1]]]),
    encoded([2, 'id', 'redis', 1, [['a', 'n/s60', 1, '1', 1]]]),
    encoded([2, 'id', 'redis', 1, [['a', 'n/s60', 1, 1]]]),
    encoded([2, 'id', 'redis', 1, [['a', 'n/s60', 1, 1, 1, 7, 0]]]),
    'A'.repeat(1_000_000),
  ])('is none: %.60s', (text) => expect(decodeReceipt(text)).toBeUndefined());
});

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RECEIPT_KEY, RECEIPT_KEYS } from '../../../test/support/receipt-keys.ts';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import type { UntrustedLimitSpec } from '../../domain/limits/limit-spec.ts';
import { parseLimit } from '../../domain/limits/parse-limit.ts';
import type { Receipt } from '../ports.ts';
import { decodeReceipt, encodeReceipt } from './codec.ts';

function makeLimit(spec: UntrustedLimitSpec): CountedLimit {
  const limit = parseLimit({ name: 'tokens', ...spec });
  if (!('identity' in limit)) throw new Error(`spec: must be a limit that counts (got ${JSON.stringify(limit)})`);
  return limit;
}

const name = fc.oneof(
  fc.constantFrom('tokens', 'freeTier', 'per user limit', '50% |/@#"', 'grüße 😀'),
  fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 255 }),
);
const requests = fc.integer({ min: 1, max: 1e9 });
const seconds = fc.integer({ min: 1, max: 86_400 }).map((length) => `${length}s`);
const blockFor = fc.option(seconds, { nil: undefined });
const limits = fc.oneof(
  fc.record({ name, requests, window: seconds, algorithm: fc.constant('concurrency') }),
  fc.record({
    name,
    requests,
    window: seconds,
    blockFor,
    algorithm: fc.constantFrom('sliding_window', 'fixed_window'),
  }),
  fc.record({
    name,
    requests,
    window: seconds,
    blockFor,
    algorithm: fc.constant('token_bucket'),
    burst: fc.constant(7),
  }),
  fc.record({
    name,
    requests,
    window: fc.constant('1mo'),
    algorithm: fc.constant('calendar'),
    timeZone: fc.constantFrom('', 'Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5'),
    anchorDay: fc.constantFrom(undefined, 15, 31),
  }),
  fc.record({ name, requests, window: fc.constantFrom('1h', '1d', '1w', '1y'), algorithm: fc.constant('calendar') }),
);

const receipts = fc.record({
  id: fc.uuid(),
  source: fc.constantFrom('memory' as const, 'redis' as const, 'fail-local' as const, 'fail-open' as const),
  expiresAt: fc.maxSafeNat(),
  granted: fc.array(
    fc.record(
      {
        charge: fc.record({
          subject: fc.string({ unit: 'binary' }).map((text) => Buffer.from(text).toString()), // without lone surrogates
          limit: limits.map(makeLimit),
          hits: fc.integer({ min: 0, max: 1e9 }),
        }),
        countsUntil: fc.maxSafeNat(),
        lateChargeId: fc.uuid(),
      },
      { requiredKeys: ['charge', 'countsUntil'] },
    ),
    { maxLength: 4 },
  ),
});

describe('an encoded receipt', () => {
  it('decodes to the receipt that was encoded, and has no characters that need escaping', () => {
    fc.assert(
      fc.property(receipts, (receipt: Receipt) => {
        const text = encodeReceipt(receipt, RECEIPT_KEY);
        expect(text).toMatch(/^[\w.-]+$/);
        expect(decodeReceipt(text, RECEIPT_KEYS)).toEqual(receipt);
      }),
    );
  });

  it('decodes with 64 charges to limits whose names are as long as names can be', () => {
    const name = '漢'.repeat(255);
    const granted = Array.from({ length: 64 }, (_, index) => ({
      charge: { subject: `rule|ai|account|${index}`, limit: makeLimit({ name, requests: 1, window: '1m' }), hits: 1 },
      countsUntil: 1.8e15,
    }));
    const receipt: Receipt = { id: 'r', source: 'redis', expiresAt: 1.8e15, granted };
    expect(decodeReceipt(encodeReceipt(receipt, RECEIPT_KEY), RECEIPT_KEYS)).toEqual(receipt);
  });

  it('is short enough for the value of a header, with a budget of tokens per minute and one per month', () => {
    const charges = [
      makeLimit({ requests: 1e5, window: '1m' }),
      makeLimit({ requests: 1e7, window: '1mo', algorithm: 'calendar' }),
    ];
    const granted = charges.map((limit) => ({
      charge: { subject: 'rule|ai|account|a1', limit, hits: 500 },
      countsUntil: 1.8e15,
    }));
    const text = encodeReceipt({ id: crypto.randomUUID(), source: 'redis', expiresAt: 1.8e15, granted }, RECEIPT_KEY);
    expect(text.length).toBeLessThan(300);
  });

  const invalid = [
    '',
    'x',
    '%',
    'bnVsbA',
    encodeJson(null),
    encodeJson([3]),
    encodeJson([2, 'id', 'redis', 1, []]),
    encodeJson([3, '', 'redis', 1, []]),
    encodeJson([3, 7, 'redis', 1, []]),
    encodeJson([3, 'id', 'lease', 1, []]),
    encodeJson([3, 'id', 'redis', 1.5, []]),
    encodeJson([3, 'id', 'redis', -1, []]),
    encodeJson([3, 'id', 'redis', 1, {}]),
    encodeJson([3, 'id', 'redis', 1, [null]]),
    encodeJson([3, 'id', 'redis', 1, [['a', 'n/s60', -1, 1, 1]]]),
    encodeJson([3, 'id', 'redis', 1, [['a', 'a b/s60', 1, 1, 1]]]),
    encodeJson([3, 'id', 'redis', 1, [['a', 'a%/s60', 1, 1, 1]]]),
    encodeJson([3, 'id', 'redis', 1, [['a', '%61/s60', 1, 1, 1]]]),
    encodeJson([3, 'id', 'redis', 1, [['a', 'a%0A/s60', 1, 1, 1]]]),
    encodeJson([3, 'id', 'redis', 1, [['a', '/s60', 1, 1, 1]]]),
    encodeJson([3, 'id', 'redis', 1, [['a', 'n/x60', 1, 1, 1]]]),
    encodeJson([3, 'id', 'redis', 1, [['a', 'n/s060', 1, 1, 1]]]),
    encodeJson([3, 'id', 'redis', 1, [['a', 'n/s60@UTC', 1, 1, 1]]]),
    encodeJson([3, 'id', 'redis', 1, [['a', 'n/c1mo@Nowhere/City', 1, 1, 1]]]),
    encodeJson([3, 'id', 'redis', 1, [['a', 'n/n1000000000', 1, 1, 1]]]),
    encodeJson([3, 'id', 'redis', 1, [['a', 'n/s60', 1, 2 ** 47, 1]]]),
    encodeJson([3, 'id', 'redis', 1, [['a', 'n/s60', 1, '1', 1]]]),
    encodeJson([3, 'id', 'redis', 1, [['a', 'n/s60', 1, 1]]]),
    encodeJson([3, 'id', 'redis', 1, [['a', 'n/s60', 1, 1, 1, 7, 0]]]),
    authenticate('A'.repeat(1_000_000)),
  ];
  it.each(invalid.map((text) => [text.slice(0, 60), text] as const))('does not decode from %j', (_, text) => {
    expect(decodeReceipt(text, RECEIPT_KEYS)).toBeUndefined();
  });
});

describe('the text of a receipt', () => {
  const receipt: Receipt = { id: 'r', source: 'redis', expiresAt: 1.8e15, granted: [] };
  const text = encodeReceipt(receipt, RECEIPT_KEY);
  const [payload = '', keyId = '', mac = ''] = text.split('.');

  it.each([
    ['another payload', `${encodeReceipt({ ...receipt, id: 's' }, RECEIPT_KEY).split('.')[0]}.${keyId}.${mac}`],
    ['another MAC', `${payload}.${keyId}.${'A'.repeat(mac.length)}`],
    ['a shorter MAC', `${payload}.${keyId}.${mac.slice(0, -1)}`],
    ['no MAC', payload],
    ['an unknown key', authenticate(payload, { ...RECEIPT_KEY, id: 'unknown' })],
    ['another key of this id', authenticate(payload, { ...RECEIPT_KEY, secret: Buffer.alloc(32) })],
  ])('does not decode with %s', (_, changed) => {
    expect(decodeReceipt(text, RECEIPT_KEYS)).toEqual(receipt);
    expect(decodeReceipt(changed, RECEIPT_KEYS)).toBeUndefined();
  });

  it('decodes with a key that newer ones have replaced', () => {
    const newer = { id: 'newer', secret: Buffer.alloc(32, 1) };
    const keys = {
      receiptKey: newer,
      findReceiptKey: (id: string) => [newer, RECEIPT_KEY].find((key) => key.id === id),
    };
    expect(decodeReceipt(text, keys)).toEqual(receipt);
  });
});

/** Encodes a value as the payload of a receipt, with a valid MAC. */
function encodeJson(value: unknown): string {
  return authenticate(Buffer.from(JSON.stringify(value)).toString('base64url'));
}

function authenticate(payload: string, { id, secret } = RECEIPT_KEY): string {
  const mac = createHmac('sha256', secret).update(payload).digest().subarray(0, 16).toString('base64url');
  return `${payload}.${id}.${mac}`;
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inspectClientHello } from './client-hello.ts';

const record = (fragment: Buffer, type = 22) =>
  Buffer.concat([Buffer.from([type, 3, 1, fragment.length >> 8, fragment.length & 255]), fragment]);
const hello = (bodyBytes: number, type = 1) =>
  Buffer.concat([Buffer.from([type, 0, bodyBytes >> 8, bodyBytes & 255]), Buffer.alloc(bodyBytes, 7)]);

/** Splits a message into records with fragments of these lengths; the last record has the rest. */
function splitIntoRecords(message: Buffer, lengths: readonly number[]): Buffer {
  const records: Buffer[] = [];
  let rest = message;
  for (const length of lengths) {
    if (length >= rest.length) break;
    records.push(record(rest.subarray(0, length)));
    rest = rest.subarray(length);
  }
  return Buffer.concat([...records, record(rest)]);
}

describe('a ClientHello', () => {
  it('is complete with its last byte and partial before, however it is split into records', () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 300 }));
    const property = fc.property(fc.nat(2000), lengths, fc.nat(), (bodyBytes, fragmentLengths, cut) => {
      const bytes = splitIntoRecords(hello(bodyBytes), fragmentLengths);
      expect(inspectClientHello(bytes)).toBe('complete');
      expect(inspectClientHello(Buffer.concat([bytes, Buffer.from([20])]))).toBe('complete');
      expect(inspectClientHello(bytes.subarray(0, -1))).toBe('partial');
      expect(inspectClientHello(bytes.subarray(0, cut % bytes.length))).toBe('partial');
    });
    fc.assert(property);
  });

  it.each([
    ['HTTP/2 in clear', Buffer.from('PRI * HTTP/2.0\r\n')],
    ['an SSL 2.0 ClientHello', Buffer.from([0x80, 0x2e, 1, 3, 3])],
    ['another handshake message', record(hello(10, 16))],
    ['a record of another type', record(hello(10), 23)],
    ['a record without content', record(Buffer.alloc(0))],
    ['another record inside the message', Buffer.concat([record(hello(10).subarray(0, 6)), record(hello(10), 20)])],
  ])('is not %s', (_, bytes) => {
    expect(inspectClientHello(bytes)).toBe('invalid');
  });
});

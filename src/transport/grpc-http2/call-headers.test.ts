import { describe, expect, it } from 'vitest';
import { parseTimeout } from './call-headers.ts';
import { percentEncode } from './responses.ts';

describe('grpc-timeout', () => {
  it.each([
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3000],
    ['20m', 20],
    ['500u', 0.5],
    ['99999999n', 99.999999],
    ['0m', 0],
  ])('parses %s as %d ms', (value, ms) => {
    expect(parseTimeout(value)).toBeCloseTo(ms, 6);
  });

  it.each(['', '1', 'S', '123456789S', '-1S', '1.5S', '1 S', '1s', '1SS'])('rejects %j', (value) => {
    expect(parseTimeout(value)).toBeUndefined();
  });
});

describe('grpc-message', () => {
  it('carries printable ASCII unchanged, and everything else as percent-encoded UTF-8', () => {
    expect(percentEncode('plain ~text!')).toBe('plain ~text!');
    expect(percentEncode('50% ä\n€\u007f')).toBe('50%25 %C3%A4%0A%E2%82%AC%7F');
  });
});

import { URI } from 'otpauth';
import { describe, expect, it } from 'vitest';
import { createTextSealer } from './text-sealer.ts';
import { findTotpStep, formatTotpUri, generateTotpSecret, isTotpCode } from './totp.ts';

/** `12345678901234567890`, the secret of the test vectors of RFC 6238. */
const RFC_SECRET = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

describe('a code', () => {
  // Appendix B of RFC 6238. Codes of 6 digits are the end of those of 8.
  it.each([
    [59, '287082'],
    [1111111109, '081804'],
    [1234567890, '005924'],
    [20000000000, '353130'],
  ])('of second %i is %s', (second, code) => {
    expect(findTotpStep(RFC_SECRET, code, second * 1000)).toBe(Math.floor(second / 30));
  });

  it.each([
    [-2, undefined],
    [-1, 41152263],
    [0, 41152263],
    [1, 41152263],
    [2, undefined],
  ])('has its own step when the clock is %i steps off', (steps, expected) => {
    expect(findTotpStep(RFC_SECRET, '005924', (1234567890 + steps * 30) * 1000)).toBe(expected);
  });

  it.each(['', '12345', '1234567', '12345a', ' 12345', '123456\n', '١٢٣٤٥٦'])('is not %j', (text) => {
    expect(isTotpCode(text)).toBe(false);
  });
});

describe('a secret', () => {
  it('has 160 random bits, and the URI of authenticator apps', () => {
    const secret = generateTotpSecret();
    expect(secret).toMatch(/^[A-Z2-7]{32}$/);
    expect(generateTotpSecret()).not.toBe(secret);
    const parsed = URI.parse(formatTotpUri(secret, 'ada@example.com'));
    const parameters = { issuer: 'Weir', label: 'ada@example.com', algorithm: 'SHA1', digits: 6, period: 30 };
    expect(parsed).toMatchObject(parameters);
    expect(parsed.secret.base32).toBe(secret);
  });

  it('opens for the account and with the secret that sealed it only', () => {
    const sealer = createTextSealer('a secret of at least 32 characters', 'totp secret');
    const sealed = sealer.seal('ada', RFC_SECRET);
    expect(sealed).not.toContain(RFC_SECRET);
    expect(sealer.open('ada', sealed)).toBe(RFC_SECRET);
    expect(sealer.open('bob', sealed)).toBeUndefined();
    expect(
      createTextSealer('another secret of at least 32 characters', 'totp secret').open('ada', sealed),
    ).toBeUndefined();
  });
});

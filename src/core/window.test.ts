import { describe, expect, it } from 'vitest';
import { parseWindow } from './window.ts';

describe('a window', () => {
  it.each([
    ['1s', 1],
    ['60s', 60],
    ['5m', 300],
    ['1h', 3600],
    ['30d', 2_592_000],
    ['3650d', 315_360_000],
  ])('%s is %d seconds', (text, seconds) => expect(parseWindow(text)).toBe(seconds));

  it.each(['', '60', 's', '0s', '-1s', '1.5s', '01s', '1 s', '1S', '1w', '1s1s', '3651d', '99999999999s', '１s'])(
    'is not written "%s"',
    (text) => expect(parseWindow(text)).toBeUndefined(),
  );
});

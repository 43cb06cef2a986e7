const DIGITS = '0123456789abcdef';
const DIGIT_CODES = Uint8Array.from(DIGITS, (digit) => digit.charCodeAt(0));
/** By character code. */
const DIGIT_VALUES = Int8Array.from({ length: 128 }, (_, code) => DIGITS.indexOf(String.fromCharCode(code)));

/** Reads the lowercase hex digit at an index of a text. Returns its value, or -1 if there is no such digit. */
export function parseHexDigit(text: string, index: number): number {
  return DIGIT_VALUES[text.charCodeAt(index)] ?? -1;
}

/** Returns the character code of the hex digit with a value from 0 to 15. Throws for other values. */
export function hexDigitCode(value: number): number {
  const code = DIGIT_CODES[value];
  if (code === undefined) throw new RangeError(`value: must be from 0 to 15 (got ${value})`);
  return code;
}

const DIGITS = '0123456789abcdef';
const CODES = Uint8Array.from(DIGITS, (digit) => digit.charCodeAt(0));
const VALUES = Int8Array.from({ length: 128 }, (_, code) => DIGITS.indexOf(String.fromCharCode(code)));

/** What the digit, in lower case, at this place of a text is worth; -1: it is none. */
export function digitAt(text: string, place: number): number {
  return VALUES[text.charCodeAt(place)] ?? -1;
}

/** Character code of a value from 0 to 15. */
export function digitOf(value: number): number {
  return CODES[value] ?? 0;
}

/**
 * API keys as text: `wk_live_`, 22 characters of base62 that are random (131 bits), and 6 characters of base62 that are
 * the CRC32 of all before them. Prefix and checksum let scanners find leaked keys and let garbage be refused before any
 * look-up; the checksum authenticates nothing.
 */
const PREFIX = 'wk_live_';
/** What begins so is meant to be an API key, of whatever environment, and no JWT. */
export const KEY_PREFIX = 'wk_';
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_LENGTH = 22;
const CHECKSUM_LENGTH = 6;
const CHECKSUM_START = PREFIX.length + RANDOM_LENGTH;
const KEY_LENGTH = CHECKSUM_START + CHECKSUM_LENGTH;
/** By character code: what the character is worth in base62, or -1. */
const DIGITS = Int8Array.from({ length: 128 }, (_, code) => ALPHABET.indexOf(String.fromCharCode(code)));

/** Bytes from here on would favour the first characters: 256 is no multiple of 62. */
const FAIR_BYTES = 256 - (256 % ALPHABET.length);

/**
 * The key made of random bytes, or undefined when too many of them had to be passed over: 64 bytes are too few once in
 * 10^25 times. The caller then tries again with fresh ones.
 */
export function formatApiKey(random: Uint8Array): string | undefined {
  let text = PREFIX;
  for (const byte of random) {
    if (text.length === CHECKSUM_START) break;
    if (byte < FAIR_BYTES) text += ALPHABET[byte % ALPHABET.length];
  }
  return text.length === CHECKSUM_START ? text + checksum(text) : undefined;
}

/** Whether a text has the form of a key and its checksum fits. Asked for each request: hence without other strings. */
export function isApiKey(text: string): boolean {
  if (text.length !== KEY_LENGTH || !text.startsWith(PREFIX)) return false;
  let written = 0;
  let crc = CRC_OF_PREFIX;
  for (let at = PREFIX.length; at < KEY_LENGTH; at += 1) {
    const code = text.charCodeAt(at);
    const digit = DIGITS[code] ?? -1;
    if (digit < 0) return false;
    if (at >= CHECKSUM_START) written = written * ALPHABET.length + digit;
    else crc = crcWith(crc, code);
  }
  return written === ended(crc);
}

/** What a key is recognised by once it is no longer shown: its prefix and its last four characters. */
export function apiKeyHint(key: string): string {
  return `${PREFIX}…${key.slice(-4)}`;
}

function checksum(text: string): string {
  let rest = ended(crcOf(text));
  let written = '';
  for (let place = 0; place < CHECKSUM_LENGTH; place += 1) {
    written = ALPHABET[rest % ALPHABET.length] + written;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return written;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

const CRC_OF_PREFIX = crcOf(PREFIX);

/** CRC-32 as in zip and Ethernet, of ASCII text; what comes behind the text may be added, and then it is `ended`. */
function crcOf(text: string): number {
  let crc = 0xffffffff;
  for (let at = 0; at < text.length; at += 1) crc = crcWith(crc, text.charCodeAt(at));
  return crc;
}

function crcWith(crc: number, code: number): number {
  return (CRC_TABLE[(crc ^ code) & 0xff] ?? 0) ^ (crc >>> 8);
}

function ended(crc: number): number {
  return (crc ^ 0xffffffff) >>> 0;
}

/**
 * API keys as text: `wk_live_`, 22 random characters of base62 (131 bits), and 6 characters of base62 that are the
 * CRC32 of everything before them. Prefix and checksum let scanners find leaked keys, and let Weir reject garbage
 * before any look-up. The checksum authenticates nothing.
 */
export const LIVE_KEY_PREFIX = 'wk_live_';
/** A credential with this prefix is meant to be an API key, of any environment, and not a JWT. */
export const API_KEY_PREFIX = 'wk_';
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_LENGTH = 22;
const CHECKSUM_LENGTH = 6;
const CHECKSUM_START = LIVE_KEY_PREFIX.length + RANDOM_LENGTH;
export const API_KEY_LENGTH = CHECKSUM_START + CHECKSUM_LENGTH;
/** Value of each character code in base62; -1: not a base62 character. */
const DIGIT_VALUES = Int8Array.from({ length: 128 }, (_, code) => ALPHABET.indexOf(String.fromCharCode(code)));

/** Bytes from this value on are skipped. They would favour the first characters, as 256 is not a multiple of 62. */
const FIRST_BIASED_BYTE = 256 - (256 % ALPHABET.length);

export type KeyStatus = 'valid' | 'disabled' | 'expired';

/** Whether a key may be used at `now`. Times are Unix times in ms. Disabling takes precedence over expiry. */
export function keyStatus(
  { disabled, expiresAt }: { readonly disabled: boolean; readonly expiresAt: number | undefined },
  now: number,
): KeyStatus {
  if (disabled) return 'disabled';
  return expiresAt !== undefined && expiresAt <= now ? 'expired' : 'valid';
}

/**
 * Formats random bytes as a key. Returns undefined if too many bytes had to be skipped: of 64 bytes, once in 10^25
 * times. The caller then tries again with fresh bytes.
 */
export function formatApiKey(random: Uint8Array): string | undefined {
  let text = LIVE_KEY_PREFIX;
  for (const byte of random) {
    if (text.length === CHECKSUM_START) break;
    if (byte < FIRST_BIASED_BYTE) text += ALPHABET[byte % ALPHABET.length];
  }
  return text.length === CHECKSUM_START ? text + formatChecksum(text) : undefined;
}

/**
 * Whether a text has the form of a key and the right checksum. Runs for each request, so it creates no other strings.
 */
export function isApiKey(text: string): boolean {
  if (text.length !== API_KEY_LENGTH || !text.startsWith(LIVE_KEY_PREFIX)) return false;
  let checksum = 0;
  let crc = PREFIX_CRC;
  for (let position = LIVE_KEY_PREFIX.length; position < API_KEY_LENGTH; position += 1) {
    const code = text.charCodeAt(position);
    const digit = DIGIT_VALUES[code] ?? -1;
    if (digit < 0) return false;
    if (position >= CHECKSUM_START) checksum = checksum * ALPHABET.length + digit;
    else crc = updateCrc(crc, code);
  }
  return checksum === finishCrc(crc);
}

/** Why a text is not an API key. */
export type ApiKeyFault = 'prefix' | 'characters' | 'length' | 'checksum';

/** Finds the reason why `isApiKey` rejects a text. Reads no more characters than a key has. */
export function findApiKeyFault(text: string): ApiKeyFault {
  if (!text.startsWith(LIVE_KEY_PREFIX)) return 'prefix';
  for (let position = LIVE_KEY_PREFIX.length; position < text.length && position <= API_KEY_LENGTH; position += 1) {
    if ((DIGIT_VALUES[text.charCodeAt(position)] ?? -1) < 0) return 'characters';
  }
  return text.length === API_KEY_LENGTH ? 'checksum' : 'length';
}

/** Shortens a key to what its owner recognises it by: the prefix and the last four characters. */
export function apiKeyHint(key: string): string {
  return `${LIVE_KEY_PREFIX}…${key.slice(-4)}`;
}

function formatChecksum(text: string): string {
  let rest = finishCrc(startCrc(text));
  let checksum = '';
  for (let digit = 0; digit < CHECKSUM_LENGTH; digit += 1) {
    checksum = ALPHABET[rest % ALPHABET.length] + checksum;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return checksum;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

const PREFIX_CRC = startCrc(LIVE_KEY_PREFIX);

/** CRC-32, as in zip and Ethernet, of ASCII text. `updateCrc` adds characters, `finishCrc` gives the result. */
function startCrc(text: string): number {
  let crc = 0xffffffff;
  for (let position = 0; position < text.length; position += 1) crc = updateCrc(crc, text.charCodeAt(position));
  return crc;
}

function updateCrc(crc: number, code: number): number {
  return (CRC_TABLE[(crc ^ code) & 0xff] ?? 0) ^ (crc >>> 8);
}

function finishCrc(crc: number): number {
  return (crc ^ 0xffffffff) >>> 0;
}

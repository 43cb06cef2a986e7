import { type JsonObject, parseUniqueJson } from './unique-json.ts';

/** Reason why a token is rejected. Tests and logs distinguish all of them; the response to a client does not. */
export type TokenFault =
  | 'too_long'
  | 'not_compact'
  | 'encrypted'
  | 'not_base64url'
  | 'not_utf8'
  | 'not_json'
  | 'duplicate_member'
  | 'algorithm'
  | 'key_in_header'
  | 'critical'
  | 'unencoded_payload'
  | 'key_id'
  | 'type'
  | 'issuer'
  | 'key'
  | 'weak_key'
  | 'signature'
  | 'audience'
  | 'times'
  | 'expired'
  | 'account'
  | 'session'
  | 'token_id'
  | 'plan'
  | 'features'
  | 'role'
  | 'grants'
  | 'limits';

/** Longer tokens are rejected before they are parsed. In characters, which are bytes: a token is ASCII. */
export const MAX_TOKEN_LENGTH = 8_192;

export interface CompactToken {
  readonly header: JsonObject;
  readonly claims: JsonObject;
}

const PARTS = 3;
const ENCRYPTED_PARTS = 5;
const BASE64URL = /^[A-Za-z0-9_-]+$/;

/** Cheap check before a token is parsed: three parts, none of them empty, and not too long. */
export function looksLikeToken(text: string): boolean {
  if (text.length > MAX_TOKEN_LENGTH) return false;
  const first = text.indexOf('.');
  const second = text.indexOf('.', first + 1);
  return first > 0 && second > first + 1 && second + 1 < text.length && text.indexOf('.', second + 1) < 0;
}

/**
 * Decodes header and claims of a JWS in compact serialization (RFC 7515, section 7.1). Does not verify the signature.
 * Never throws.
 */
export function readCompactToken(token: string): CompactToken | TokenFault {
  if (token.length > MAX_TOKEN_LENGTH) return 'too_long';
  const parts = token.split('.', ENCRYPTED_PARTS + 1);
  if (parts.length === ENCRYPTED_PARTS) return 'encrypted';
  const [encodedHeader = '', encodedClaims = '', signature = ''] = parts;
  // Also rejects a token without a signature: the algorithm `none` has an empty one.
  if (parts.length !== PARTS || signature === '') return 'not_compact';
  if (!parts.every((part) => BASE64URL.test(part))) return 'not_base64url';
  const header = decodeObject(encodedHeader);
  if (typeof header === 'string') return header;
  const claims = decodeObject(encodedClaims);
  return typeof claims === 'string' ? claims : { header, claims };
}

function decodeObject(part: string): JsonObject | TokenFault {
  const text = decodeText(part);
  if (text === undefined) return 'not_utf8';
  const parsed = parseUniqueJson(text);
  return 'fault' in parsed ? parsed.fault : parsed.object;
}

function decodeText(part: string): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(part, 'base64url'));
  } catch {
    return undefined;
  }
}

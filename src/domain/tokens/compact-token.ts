import { type JsonObject, parseUniqueJson } from './unique-json.ts';

/** Reason why a text is not a token: its form. Anybody can see it in the text, so responses name it. */
export type TokenFormFault =
  | 'not_compact'
  | 'encrypted'
  | 'not_base64url'
  | 'not_utf8'
  | 'not_json'
  | 'duplicate_member';

/**
 * Reason why a token is rejected. Tests and metrics distinguish all of them. The response to a client does so only for
 * the form.
 */
export type TokenFault =
  | TokenFormFault
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
  | 'required_claim'
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

export interface CompactToken {
  readonly header: JsonObject;
  readonly claims: JsonObject;
}

const PARTS = 3;
const ENCRYPTED_PARTS = 5;
const BASE64URL = /^[A-Za-z0-9_-]+$/;

/**
 * Cheap check before a token is parsed: three parts, none of them empty, and at most `maxBytes` long. Characters are
 * bytes here: a token is ASCII.
 */
export function looksLikeToken(text: string, maxBytes: number): boolean {
  if (text.length > maxBytes) return false;
  const first = text.indexOf('.');
  const second = text.indexOf('.', first + 1);
  return first > 0 && second > first + 1 && second + 1 < text.length && text.indexOf('.', second + 1) < 0;
}

/** Finds the reason why `looksLikeToken` rejects a text. */
export function findTokenFormFault(text: string, maxBytes: number): 'too_long' | 'encrypted' | 'not_compact' {
  if (text.length > maxBytes) return 'too_long';
  return text.split('.', ENCRYPTED_PARTS + 1).length === ENCRYPTED_PARTS ? 'encrypted' : 'not_compact';
}

/**
 * Decodes header and claims of a JWS in compact serialization (RFC 7515, section 7.1). Does not verify the signature.
 * Never throws. Callers have checked the length (`looksLikeToken`).
 */
export function readCompactToken(token: string): CompactToken | TokenFormFault {
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

function decodeObject(part: string): JsonObject | TokenFormFault {
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

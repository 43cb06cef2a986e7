import { type Members, parseUniqueJson } from './unique-json.ts';

/** What is wrong with a token. Told apart for tests; callers are told `denialOf` it. */
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

/** Longer ones are refused before anything is made of them. In characters, which are bytes: a token is ASCII. */
export const MAX_TOKEN_LENGTH = 8_192;

export interface CompactToken {
  readonly header: Members;
  readonly claims: Members;
}

const PARTS = 3;
const ENCRYPTED_PARTS = 5;
const PART = /^[A-Za-z0-9_-]+$/;

/** Whether it is worth reading at all: three parts, none empty, and not too long. */
export function mayBeToken(text: string): boolean {
  if (text.length > MAX_TOKEN_LENGTH) return false;
  const first = text.indexOf('.');
  const second = text.indexOf('.', first + 1);
  return first > 0 && second > first + 1 && second + 1 < text.length && text.indexOf('.', second + 1) < 0;
}

/** Header and claims of a JWS in compact serialization (RFC 7515, 7.1), while nobody knows who has signed it. Never throws. */
export function readCompactToken(token: string): CompactToken | TokenFault {
  if (token.length > MAX_TOKEN_LENGTH) return 'too_long';
  const parts = token.split('.', ENCRYPTED_PARTS + 1);
  if (parts.length === ENCRYPTED_PARTS) return 'encrypted';
  const [writtenHeader = '', writtenClaims = '', signature = ''] = parts;
  // Also a token whose signature is left out: `none` has an empty one.
  if (parts.length !== PARTS || signature === '') return 'not_compact';
  if (!parts.every((part) => PART.test(part))) return 'not_base64url';
  const header = membersOf(writtenHeader);
  if (typeof header === 'string') return header;
  const claims = membersOf(writtenClaims);
  return typeof claims === 'string' ? claims : { header, claims };
}

function membersOf(part: string): Members | TokenFault {
  const text = textOf(part);
  if (text === undefined) return 'not_utf8';
  const parsed = parseUniqueJson(text);
  return 'fault' in parsed ? parsed.fault : parsed.members;
}

function textOf(part: string): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(part, 'base64url'));
  } catch {
    return undefined;
  }
}

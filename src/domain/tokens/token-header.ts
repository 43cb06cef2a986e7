import type { TokenFault } from './compact-token.ts';
import { SIGNATURE_ALGORITHMS } from './issuer.ts';
import type { Members } from './unique-json.ts';

/** What of a header is used; all else was refused or has no meaning here. */
export interface TokenHeader {
  readonly algorithm: string;
  /** undefined: it names none. */
  readonly keyId: string | undefined;
  /** In lower case, without `application/`; undefined: it names none. */
  readonly type: string | undefined;
}

/** With these a token brings its own key, or says where to get it. */
const KEY_MEMBERS = ['jwk', 'jku', 'x5u', 'x5c'];
/** A key is found among those that are known, never in a file or a table; what could only be meant for these is refused. */
const KEY_ID = /^[A-Za-z0-9._~:@+/=-]{1,255}$/;

/** Reads the header of a token (RFC 7515, 4.1), which nobody has verified. Never throws. */
export function readTokenHeader(header: Members): TokenHeader | TokenFault {
  const { alg, kid, typ, crit, b64, enc, zip } = header;
  if (enc !== undefined || zip !== undefined) return 'encrypted';
  // By the exact word: `none` in any spelling is no algorithm.
  if (typeof alg !== 'string' || !SIGNATURE_ALGORITHMS.some((known) => known === alg)) return 'algorithm';
  if (KEY_MEMBERS.some((name) => Object.hasOwn(header, name))) return 'key_in_header';
  if (b64 !== undefined) return 'unencoded_payload';
  // No extension is understood, and one that must be understood may change everything.
  if (crit !== undefined) return 'critical';
  if (kid !== undefined && !isKeyId(kid)) return 'key_id';
  if (typ !== undefined && typeof typ !== 'string') return 'type';
  return { algorithm: alg, keyId: kid, type: typ?.toLowerCase().replace('application/', '') };
}

function isKeyId(kid: unknown): kid is string {
  return typeof kid === 'string' && KEY_ID.test(kid) && !kid.includes('..');
}

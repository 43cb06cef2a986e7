import { SIGNATURE_ALGORITHMS } from '../issuers/issuer.ts';
import type { TokenFault } from './compact-token.ts';
import type { JsonObject } from './unique-json.ts';

/** The header parameters that Weir uses. The others are either rejected or have no meaning to Weir. */
export interface TokenHeader {
  readonly algorithm: string;
  /** undefined: the header has no `kid`. */
  readonly keyId: string | undefined;
  /** In lower case, without `application/`; undefined: the header has no `typ`. */
  readonly type: string | undefined;
}

/** Parameters that contain the token's own key, or say where to get it. */
const KEY_PARAMETERS = ['jwk', 'jku', 'x5u', 'x5c'];
/**
 * Keys are looked up in memory, never in a file or a table. An id that would only make sense there (a path, a piece of
 * SQL) is rejected.
 */
const KEY_ID = /^[A-Za-z0-9._~:@+/=-]{1,255}$/;

/** Reads the header of a token (RFC 7515, section 4.1). The header is not verified yet. Never throws. */
export function readTokenHeader(header: JsonObject): TokenHeader | TokenFault {
  const { alg, kid, typ, crit, b64, enc, zip } = header;
  if (enc !== undefined || zip !== undefined) return 'encrypted';
  // Compared literally: no spelling of `none` is an algorithm.
  if (typeof alg !== 'string' || !SIGNATURE_ALGORITHMS.some((supported) => supported === alg)) return 'algorithm';
  if (KEY_PARAMETERS.some((name) => Object.hasOwn(header, name))) return 'key_in_header';
  if (b64 !== undefined) return 'unencoded_payload';
  // Weir supports no extensions, and a critical one may change the meaning of everything else.
  if (crit !== undefined) return 'critical';
  if (kid !== undefined && !isKeyId(kid)) return 'key_id';
  if (typ !== undefined && typeof typ !== 'string') return 'type';
  return { algorithm: alg, keyId: kid, type: typ?.toLowerCase().replace('application/', '') };
}

function isKeyId(kid: unknown): kid is string {
  return typeof kid === 'string' && KEY_ID.test(kid) && !kid.includes('..');
}

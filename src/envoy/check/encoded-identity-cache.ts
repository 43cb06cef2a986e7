import type { CheckVerdict } from '../../decide/check/check-verdict.ts';
import { encodeHeaderName, writeOverwritingHeader } from '../headers/header-writer.ts';
import { encodeToBytes } from '../wire/wire-writer.ts';
import { encodeAllowedMetadata } from './check-metadata.ts';

// Field numbers of envoy.service.auth.v3 (proto/envoy/service/auth/v3).
const OK_RESPONSE = { headers: 2, headersToRemove: 5 };

const ACCOUNT = encodeHeaderName('x-weir-account');
const KEY = encodeHeaderName('x-weir-key');
const PLAN = encodeHeaderName('x-weir-plan');

export type AllowedVerdict = CheckVerdict & { kind: 'allowed' };

/** The end of an allowing CheckResponse, except for the digits of `remaining`, which are the end of its metadata. */
export interface EncodedIdentity {
  /** The last fields of OkHttpResponse, and after them the field `dynamic_metadata` of CheckResponse. */
  readonly bytes: Uint8Array;
  /** Length of `dynamic_metadata`, with the digits. */
  readonly metadataLength: number;
}

/** The identities of a credential that is sent one way: the same bytes each time. */
interface CachedIdentities {
  /** The plan that is in the bytes. A credential without a plan of its own gets another one when its account does. */
  readonly planId: string | undefined;
  /** The source that is in the bytes. */
  readonly source: string;
  /** By the number of digits of `remaining`. 0: no limit is counted. */
  readonly byDigitCount: (EncodedIdentity | undefined)[];
}

/** By where the credential was sent, then by the identity of its record: a changed record is another object. */
const cachedIdentities = {
  'x-api-key': new WeakMap<object, CachedIdentities>(),
  authorization: new WeakMap<object, CachedIdentities>(),
  query: new WeakMap<object, CachedIdentities>(),
};

/**
 * Encodes the identity, or returns the cached bytes: they are more than half of a response. `digitCount` is the number of
 * digits of `remaining`; 0: no limit is counted.
 */
export function encodeIdentity(verdict: AllowedVerdict, digitCount: number): EncodedIdentity {
  const { credential, credentialHeader, planId, source } = verdict;
  let cached = cachedIdentities[credentialHeader ?? 'query'].get(credential);
  if (cached === undefined || cached.planId !== planId || cached.source !== source) {
    cached = { planId, source, byDigitCount: [] };
    cachedIdentities[credentialHeader ?? 'query'].set(credential, cached);
  }
  let encoded = cached.byDigitCount[digitCount];
  if (encoded === undefined) {
    const metadata = encodeAllowedMetadata(verdict, source, digitCount);
    const bytes = Buffer.concat([encodeIdentityHeaders(verdict), metadata]);
    encoded = { bytes, metadataLength: metadata.length + digitCount };
    cached.byDigitCount[digitCount] = encoded;
  }
  return encoded;
}

/** Removes the header of an absent key or plan: it can only come from the client. */
function encodeIdentityHeaders(verdict: AllowedVerdict): Uint8Array {
  const { credential, credentialHeader, keyId, planId } = verdict;
  return encodeToBytes((into) => {
    if (credentialHeader !== undefined) into.writeString(OK_RESPONSE.headersToRemove, credentialHeader);
    if (planId === undefined) into.writeString(OK_RESPONSE.headersToRemove, 'x-weir-plan');
    else writeOverwritingHeader(into, OK_RESPONSE.headers, PLAN, planId);
    if (keyId === undefined) into.writeString(OK_RESPONSE.headersToRemove, 'x-weir-key');
    else writeOverwritingHeader(into, OK_RESPONSE.headers, KEY, keyId);
    writeOverwritingHeader(into, OK_RESPONSE.headers, ACCOUNT, credential.accountId);
  });
}

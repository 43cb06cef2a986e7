import type { CheckVerdict } from '../../decide/check/check-verdict.ts';
import { encodeHeaderName, writeOverwritingHeader } from '../headers/header-writer.ts';
import { writeMetadata } from '../wire/dynamic-metadata.ts';
import { encodeToBytes } from '../wire/wire-writer.ts';

// Field numbers of envoy.service.auth.v3 (proto/envoy/service/auth/v3).
const RESPONSE = { dynamicMetadata: 4 };
const OK_RESPONSE = { headers: 2, headersToRemove: 5 };

const ACCOUNT = encodeHeaderName('x-weir-account');
const KEY = encodeHeaderName('x-weir-key');
const PLAN = encodeHeaderName('x-weir-plan');

export type AllowedVerdict = CheckVerdict & { kind: 'allowed' };

/** The end of an allowing CheckResponse: the same bytes each time a credential is sent the same way. */
export interface EncodedIdentity {
  /** The plan that is in the bytes. A credential without a plan of its own gets another one when its account does. */
  readonly planId: string | undefined;
  /** The source that is in the bytes. */
  readonly source: string;
  /** The last fields of OkHttpResponse, and after them the field `dynamic_metadata` of CheckResponse. */
  readonly bytes: Uint8Array;
  /** Length of `dynamic_metadata` in `bytes`. */
  readonly metadataLength: number;
}

/** By where the credential was sent, then by the identity of its record: a changed record is another object. */
const encodedIdentities = {
  'x-api-key': new WeakMap<object, EncodedIdentity>(),
  authorization: new WeakMap<object, EncodedIdentity>(),
  query: new WeakMap<object, EncodedIdentity>(),
};

/** Encodes the identity, or returns the cached bytes: they are more than half of a response. */
export function encodeIdentity(verdict: AllowedVerdict): EncodedIdentity {
  const { credential, credentialHeader, planId, source } = verdict;
  const cached = encodedIdentities[credentialHeader ?? 'query'].get(credential);
  if (cached !== undefined && cached.planId === planId && cached.source === source) return cached;
  const metadata = encodeIdentityMetadata(verdict);
  const bytes = Buffer.concat([encodeIdentityHeaders(verdict), metadata]);
  const encoded = { planId, source, bytes, metadataLength: metadata.length };
  encodedIdentities[credentialHeader ?? 'query'].set(credential, encoded);
  return encoded;
}

/** Leaves out an absent key or plan: Envoy's rate-limit actions read non-empty strings only. */
function encodeIdentityMetadata({ credential, keyId, planId, source }: AllowedVerdict): Uint8Array {
  const entries: [key: string, value: string][] = [['account', credential.accountId]];
  if (keyId !== undefined) entries.push(['api_key', keyId]);
  if (planId !== undefined) entries.push(['plan', planId]);
  entries.push(['source', source]);
  return encodeToBytes((into) => writeMetadata(into, RESPONSE.dynamicMetadata, entries));
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

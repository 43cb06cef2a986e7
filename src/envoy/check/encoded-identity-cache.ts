import type { CheckVerdict } from '../../decide/check/check-verdict.ts';
import { encodeHeaderName, writeOverwritingHeader } from '../headers/header-writer.ts';
import { encodeToBytes, WireWriter } from '../wire/wire-writer.ts';
import { writeAllowedMetadata } from './check-metadata.ts';
import { chooseRequestId } from './request-id.ts';

// Field numbers of envoy.service.auth.v3 (proto/envoy/service/auth/v3).
const OK_RESPONSE = { headers: 2, headersToRemove: 5 };

const ACCOUNT = encodeHeaderName('x-weir-account');
const KEY = encodeHeaderName('x-weir-key');
const PLAN = encodeHeaderName('x-weir-plan');

export type AllowedVerdict = CheckVerdict & { kind: 'allowed' };

/** Length of the ids that Envoy generates: UUIDs. */
const COMMON_ID_LENGTH = 36;
/** No other part of a template after the names of the identity has such characters. */
const ID_PLACEHOLDER = '\0'.repeat(COMMON_ID_LENGTH);

/** Of its own, because the parts of the metadata are encoded by `encodeToBytes` in between. */
const metadataWriter = new WireWriter();

/**
 * The end of an allowing CheckResponse, except for the last bytes of its metadata: the digits of `remaining`, and after them
 * the published limits, which all credentials of a plan share.
 */
interface IdentityTemplate {
  /**
   * The last fields of OkHttpResponse, and after them the field `dynamic_metadata` of CheckResponse, with a placeholder
   * for the request id.
   */
  readonly bytes: Uint8Array;
  /** Offset of the placeholder. */
  readonly idOffset: number;
  /** Length of `dynamic_metadata`, with the digits and the published limits. */
  readonly metadataLength: number;
}

/** The identity of a credential that is sent one way: the same bytes each time. */
interface CachedIdentity {
  /** The plan that is in the bytes. A credential without a plan of its own gets another one when its account does. */
  readonly planId: string | undefined;
  /** The source that is in the bytes. */
  readonly source: string;
  /** The published limits whose length is in the bytes. */
  readonly limits: Uint8Array;
  /** The last fields of OkHttpResponse. */
  readonly headers: Uint8Array;
  /** By the number of digits of `remaining`. 0: no limit is counted. */
  readonly templates: (IdentityTemplate | undefined)[];
}

/** By where the credential was sent, then by the identity of its record: a changed record is another object. */
const cachedIdentities = {
  'x-api-key': new WeakMap<object, CachedIdentity>(),
  authorization: new WeakMap<object, CachedIdentity>(),
  query: new WeakMap<object, CachedIdentity>(),
  configured: new WeakMap<object, CachedIdentity>(),
};

/**
 * Writes the end of an allowing CheckResponse: the dynamic metadata, and before it the headers of the identity. They are
 * more than half of a response, so they are copied from a template, except for the numbers. `remaining`: undefined if no
 * limit is counted. `limits` are the entries of published limits. Returns the length of the metadata.
 */
export function writeIdentity(
  into: WireWriter,
  verdict: AllowedVerdict,
  remaining: number | undefined,
  limits: Uint8Array,
): number {
  const cached = findCached(verdict, limits);
  const { requestIdHeader } = verdict.question;
  if (requestIdHeader !== undefined && requestIdHeader.length !== COMMON_ID_LENGTH) {
    writeAllowedMetadata(into, verdict, verdict.source, remaining, chooseRequestId(verdict.question), limits);
    const metadataLength = into.beginNested();
    into.writeEncoded(cached.headers);
    return metadataLength;
  }
  into.writeEncoded(limits);
  if (remaining !== undefined) into.writeDigitsPart(remaining);
  const digitCount = into.beginNested() - limits.length;
  let template = cached.templates[digitCount];
  if (template === undefined) {
    template = createTemplate(verdict, cached, digitCount);
    cached.templates[digitCount] = template;
  }
  into.writeEncoded(template.bytes);
  const isUsable = requestIdHeader !== undefined && into.overwriteVisibleAscii(template.idOffset, requestIdHeader);
  if (!isUsable) into.overwriteVisibleAscii(template.idOffset, chooseRequestId(verdict.question));
  return template.metadataLength;
}

function findCached(verdict: AllowedVerdict, limits: Uint8Array): CachedIdentity {
  const { credential, credentialHeader, planId, source } = verdict;
  const cache = cachedIdentities[credentialHeader ?? 'query'];
  let cached = cache.get(credential);
  if (cached === undefined || cached.planId !== planId || cached.source !== source || cached.limits !== limits) {
    cached = { planId, source, limits, headers: encodeIdentityHeaders(verdict), templates: [] };
    cache.set(credential, cached);
  }
  return cached;
}

function createTemplate(
  verdict: AllowedVerdict,
  { headers, limits }: CachedIdentity,
  digitCount: number,
): IdentityTemplate {
  const remaining = digitCount === 0 ? undefined : 10 ** (digitCount - 1);
  metadataWriter.beginMessage();
  writeAllowedMetadata(metadataWriter, verdict, verdict.source, remaining, ID_PLACEHOLDER, limits);
  const metadata = metadataWriter.finishMessage();
  const bytes = Buffer.concat([headers, metadata.subarray(0, metadata.length - digitCount - limits.length)]);
  return { bytes, idOffset: bytes.lastIndexOf(ID_PLACEHOLDER), metadataLength: metadata.length };
}

/** Removes the header of an absent key or plan: it can only come from the client. */
function encodeIdentityHeaders(verdict: AllowedVerdict): Uint8Array {
  const { credential, credentialHeader, keyId, planId } = verdict;
  return encodeToBytes((into) => {
    if (credentialHeader !== undefined && credentialHeader !== 'configured')
      into.writeString(OK_RESPONSE.headersToRemove, credentialHeader);
    if (planId === undefined) into.writeString(OK_RESPONSE.headersToRemove, 'x-weir-plan');
    else writeOverwritingHeader(into, OK_RESPONSE.headers, PLAN, planId);
    if (keyId === undefined) into.writeString(OK_RESPONSE.headersToRemove, 'x-weir-key');
    else writeOverwritingHeader(into, OK_RESPONSE.headers, KEY, keyId);
    writeOverwritingHeader(into, OK_RESPONSE.headers, ACCOUNT, credential.accountId);
  });
}

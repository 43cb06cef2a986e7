import type { ProvenIdentity } from '../../decide/check/authenticate.ts';
import type { CheckVerdict } from '../../decide/check/check-verdict.ts';
import type { LimitStatus } from '../../domain/limits/limit-status.ts';
import { encodeEntryKey, encodeStringEntry, writeAsciiEntry, writeDigitsEntry } from '../wire/dynamic-metadata.ts';
import { encodeToBytes, type WireWriter } from '../wire/wire-writer.ts';

/*
 * Dynamic metadata of CheckResponse, for Envoy's access log and later filters. All values are non-empty strings: Envoy's
 * rate-limit actions read nothing else. An entry whose value is unknown is left out.
 */

// Field number of CheckResponse in envoy.service.auth.v3 (proto/envoy/service/auth/v3).
const RESPONSE = { dynamicMetadata: 4 };

const REMAINING = encodeEntryKey('remaining');
const REQUEST_ID = encodeEntryKey('request_id');

/** Entries that name an identity or a limit. Both caches hang on objects that a change replaces. */
interface EncodedNames {
  /** The plan or rule that is in the bytes. The same credential may get another plan, and rules may share a limit. */
  readonly name: string | undefined;
  readonly bytes: Uint8Array;
}

/** By the record of the credential. */
const encodedOwners = new WeakMap<object, EncodedNames>();
/** By the limit. */
const encodedLimits = new WeakMap<object, EncodedNames>();
/** There are few sources, so each is encoded once. */
const encodedSources = new Map<string, Uint8Array>();

/**
 * Writes the metadata of a denial. `refusing` is the limit that refused the request, the one with the longest wait if
 * there are several. `codeEntry` is the entry `code`. `requestId` is the one in the body.
 */
export function writeDeniedMetadata(
  into: WireWriter,
  { source, proven }: CheckVerdict & { kind: 'denied' },
  refusing: LimitStatus | undefined,
  codeEntry: Uint8Array,
  requestId: string,
): void {
  const begun = into.beginNested();
  if (refusing !== undefined) {
    writeDigitsEntry(into, REMAINING, refusing.remaining);
    into.writeEncoded(encodeLimit(refusing));
  }
  writeAsciiEntry(into, REQUEST_ID, requestId);
  into.writeEncoded(encodeSource(source));
  into.writeEncoded(codeEntry);
  if (proven !== undefined) into.writeEncoded(encodeOwner(proven));
  into.endNested(RESPONSE.dynamicMetadata, begun);
}

/**
 * Encodes the metadata of a request with an identity that passes, except for the digits of `remaining`, which follow it
 * in the message. There are `digitCount` of them; with 0 the entry is left out.
 */
export function encodeAllowedMetadata(identity: ProvenIdentity, source: string, digitCount: number): Uint8Array {
  const fixedEntries = Buffer.concat([encodeOwner(identity), encodeSource(source)]);
  const metadata = encodeToBytes((into) => {
    const begun = into.beginNested();
    if (digitCount > 0) writeAsciiEntry(into, REMAINING, '0'.repeat(digitCount));
    into.writeEncoded(fixedEntries);
    into.endNested(RESPONSE.dynamicMetadata, begun);
  });
  return metadata.subarray(0, metadata.length - digitCount);
}

/** Writes the metadata of a request without an identity that passes. */
export function writeAnonymousMetadata(into: WireWriter, source: string, tightest: LimitStatus | undefined): void {
  const begun = into.beginNested();
  if (tightest !== undefined) writeDigitsEntry(into, REMAINING, tightest.remaining);
  into.writeEncoded(encodeSource(source));
  into.endNested(RESPONSE.dynamicMetadata, begun);
}

/** Returns the entries `account`, `api_key` and `plan`. */
function encodeOwner({ credential, keyId, planId }: ProvenIdentity): Uint8Array {
  const cached = encodedOwners.get(credential);
  if (cached !== undefined && cached.name === planId) return cached.bytes;
  const { accountId: account } = credential;
  const bytes = encodeEntries({ account, api_key: keyId, plan: planId });
  encodedOwners.set(credential, { name: planId, bytes });
  return bytes;
}

/** Returns the entries `rule` and `limit`. */
function encodeLimit({ rule, limit }: LimitStatus): Uint8Array {
  const cached = encodedLimits.get(limit);
  if (cached !== undefined && cached.name === rule) return cached.bytes;
  const bytes = encodeEntries({ rule, limit: limit.name });
  encodedLimits.set(limit, { name: rule, bytes });
  return bytes;
}

function encodeSource(source: string): Uint8Array {
  let bytes = encodedSources.get(source);
  if (bytes === undefined) {
    bytes = encodeEntries({ source });
    encodedSources.set(source, bytes);
  }
  return bytes;
}

function encodeEntries(entries: Readonly<Record<string, string | undefined>>): Uint8Array {
  return Buffer.concat(Object.entries(entries).map(([key, value]) => encodeStringEntry(key, value)));
}

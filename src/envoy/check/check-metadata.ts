import type { ProvenIdentity } from '../../decide/check/authenticate.ts';
import type { CheckVerdict } from '../../decide/check/check-verdict.ts';
import type { LimitStatus } from '../../domain/limits/limit-status.ts';
import {
  encodeEntryKey,
  encodeStringEntry,
  writeAsciiEntry,
  writeDigitsEntry,
  writeStringEntry,
} from '../wire/dynamic-metadata.ts';
import type { WireWriter } from '../wire/wire-writer.ts';

/*
 * Dynamic metadata of CheckResponse, for Envoy's access log and later filters. All values but those of published limits are
 * non-empty strings: Envoy's rate-limit actions read nothing else. An entry whose value is unknown is left out.
 */

// Field number of CheckResponse in envoy.service.auth.v3 (proto/envoy/service/auth/v3).
const RESPONSE = { dynamicMetadata: 4 };

const EXTENSION = encodeEntryKey('extension');
const REMAINING = encodeEntryKey('remaining');
const REQUEST_ID = encodeEntryKey('request_id');
const NO_BYTES = new Uint8Array();

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
  { source, proven, question: { configurationFault } }: CheckVerdict & { kind: 'denied' },
  refusing: LimitStatus | undefined,
  codeEntry: Uint8Array,
  requestId: string,
): void {
  const begun = into.beginNested();
  if (refusing !== undefined) {
    writeDigitsEntry(into, REMAINING, refusing.remaining);
    into.writeEncoded(encodeLimit(refusing));
  }
  if (configurationFault !== undefined) writeStringEntry(into, EXTENSION, configurationFault.name);
  writeAsciiEntry(into, REQUEST_ID, requestId);
  into.writeEncoded(encodeSource(source));
  into.writeEncoded(codeEntry);
  if (proven !== undefined) into.writeEncoded(encodeOwner(proven));
  into.endNested(RESPONSE.dynamicMetadata, begun);
}

/**
 * Writes the metadata of a request that passes. `identity`: undefined if it has none. `remaining`: undefined if no limit is
 * counted. `limits` are the entries of published limits, the last ones in the bytes.
 */
export function writeAllowedMetadata(
  into: WireWriter,
  identity: ProvenIdentity | undefined,
  source: string,
  remaining: number | undefined,
  requestId: string,
  limits: Uint8Array = NO_BYTES,
): void {
  const begun = into.beginNested();
  into.writeEncoded(limits);
  if (remaining !== undefined) writeDigitsEntry(into, REMAINING, remaining);
  writeAsciiEntry(into, REQUEST_ID, requestId);
  into.writeEncoded(encodeSource(source));
  if (identity !== undefined) into.writeEncoded(encodeOwner(identity));
  into.endNested(RESPONSE.dynamicMetadata, begun);
}

/** Returns the entries `account`, `api_key` and `plan`. */
function encodeOwner({ credential, keyId, planId }: ProvenIdentity): Uint8Array {
  const cached = encodedOwners.get(credential);
  if (cached !== undefined && cached.name === planId) return cached.bytes;
  const { accountId: account } = credential;
  const bytes = encodeStrings({ account, api_key: keyId, plan: planId });
  encodedOwners.set(credential, { name: planId, bytes });
  return bytes;
}

/** Returns the entries `rule` and `limit`. */
function encodeLimit({ rule, limit }: LimitStatus): Uint8Array {
  const cached = encodedLimits.get(limit);
  if (cached !== undefined && cached.name === rule) return cached.bytes;
  const bytes = encodeStrings({ rule, limit: limit.name });
  encodedLimits.set(limit, { name: rule, bytes });
  return bytes;
}

function encodeSource(source: string): Uint8Array {
  let bytes = encodedSources.get(source);
  if (bytes === undefined) {
    bytes = encodeStrings({ source });
    encodedSources.set(source, bytes);
  }
  return bytes;
}

function encodeStrings(entries: Readonly<Record<string, string | undefined>>): Uint8Array {
  return Buffer.concat(Object.entries(entries).map(([key, value]) => encodeStringEntry(key, value)));
}

import { ApiError } from '../../domain/api-error.ts';
import { API_KEY_PREFIX, isApiKey } from '../../domain/credentials/api-key.ts';
import {
  hasImportedKeyLength,
  isSha256,
  MAX_IMPORTED_KEY_LENGTH,
  MIN_IMPORTED_KEY_LENGTH,
  parseSha256,
} from '../../domain/credentials/imported-key.ts';
import type { Invalid } from '../../domain/validation/field-fault.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import { ApiKey, type ApiKeyImport } from '../../generated/weir/admin/v1/api_key_service.ts';
import { hashImportedKey } from '../../identity/secrets/api-key-secret.ts';
import type { Caller } from '../callers/caller.ts';
import { checkText } from '../fields/common-fields.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { type ApiKeyValues, readApiKeyValues } from './api-key-fields.ts';

const MAX_PREFIX_LENGTH = 32;
const MAX_HINT_LENGTH = 64;
const DEFAULT_HINT_LENGTH = 4;
/** Characters of a secret that prefix and hint must not show. */
const MIN_HIDDEN_CHARACTERS = 8;

/** A key to import. */
export interface ApiKeyImportValues {
  readonly values: ApiKeyValues;
  /** The text whose digest the catalog has: a secret in Weir's own format, or the SHA-256 of another one in hex. */
  readonly digestedText: string;
  /** Whether the secret does not have Weir's own format. */
  readonly imported: boolean;
  readonly hint: string;
}

/**
 * Reads a key to import. Returns every fault, with its field relative to the item. `acceptsImported`: whether keys that do
 * not have Weir's own format are accepted.
 */
export function readApiKeyImport(
  item: ApiKeyImport,
  caller: Caller,
  acceptsImported: boolean,
): ApiKeyImportValues | Invalid {
  const violations = new FieldViolations();
  const isOwn = isApiKey(item.secret);
  const digestedText = item.secret === '' ? readDigest(violations, item) : readSecret(violations, item);
  if (!isOwn && !acceptsImported) {
    violations.add('secret', "must be an API key of Weir's own format: API_KEY_FORMATS does not have imported");
  }
  const hint = readHint(violations, item);
  const values = readValues(violations, item, caller);
  return values !== undefined && violations.faults.length === 0
    ? { values, digestedText, imported: !isOwn, hint }
    : { faults: violations.faults };
}

function readSecret(violations: FieldViolations, { secret, digest, algorithm }: ApiKeyImport): string {
  if (digest !== '') violations.add('digest', 'must be left out where secret is set');
  if (algorithm !== '') violations.add('algorithm', 'must be left out where secret is set');
  if (!hasImportedKeyLength(secret)) {
    const range = `${MIN_IMPORTED_KEY_LENGTH} to ${MAX_IMPORTED_KEY_LENGTH}`;
    violations.add('secret', `must be ${range} characters (got ${secret.length})`);
  }
  // HTTP removes spaces around the value of a header, so such a secret could never arrive.
  if (/\p{Cc}/u.test(secret) || secret.trim() !== secret) {
    violations.add('secret', 'must have no control characters, and no space at either end');
  }
  return isApiKey(secret) ? secret : hashImportedKey(secret);
}

/** The found value is not repeated: a secret may be in the wrong field. */
function readDigest(violations: FieldViolations, { digest, algorithm, prefix }: ApiKeyImport): string {
  if (digest === '') {
    violations.add('secret', 'must be set, unless digest is');
    return '';
  }
  if (!isSha256(algorithm)) {
    violations.add('algorithm', withFound('must be sha256: a key is found by a digest without a salt', algorithm));
  }
  const hex = parseSha256(digest);
  if (hex === undefined) {
    violations.add('digest', `must be 32 bytes in hex, base64 or base64url (got ${digest.length} characters)`);
  }
  if (prefix.startsWith(API_KEY_PREFIX)) {
    violations.add('digest', "must not be that of a key in Weir's own format: import such a key by its secret");
  }
  return hex ?? '';
}

/** The text to recognize the key by: prefix and hint, with an ellipsis between them. */
function readHint(violations: FieldViolations, { secret, prefix, hint }: ApiKeyImport): string {
  checkText(violations, 'prefix', prefix, MAX_PREFIX_LENGTH);
  checkText(violations, 'hint', hint, MAX_HINT_LENGTH);
  const end = hint === '' && secret !== '' ? secret.slice(-DEFAULT_HINT_LENGTH) : hint;
  if (secret !== '') {
    if (!secret.startsWith(prefix)) violations.add('prefix', 'must be the beginning of the secret');
    const shown = prefix.length + (secret.includes(end) ? end.length : 0);
    if (secret.length - shown < MIN_HIDDEN_CHARACTERS || end.includes(secret)) {
      violations.add('hint', `must leave at least ${MIN_HIDDEN_CHARACTERS} characters of the secret unknown`);
    }
  }
  if (hint !== '' && (prefix === '' || hint.startsWith(prefix))) return hint;
  return prefix === '' && end === '' ? '' : `${prefix}…${end}`;
}

/** The fields that created keys have as well, by the same rules. */
function readValues(violations: FieldViolations, item: ApiKeyImport, caller: Caller): ApiKeyValues | undefined {
  const { displayName, account, plan, expireTime } = item;
  try {
    return readApiKeyValues(ApiKey.create({ displayName, account, plan, expireTime }), caller);
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason.kind !== 'invalid') throw error;
    for (const { field, description } of error.reason.faults)
      violations.add(field.replace('api_key.', ''), description);
    return undefined;
  }
}

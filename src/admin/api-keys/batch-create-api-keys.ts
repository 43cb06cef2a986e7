import type { Database } from '../../database/open-database.ts';
import { insertApiKeys, lockReferences } from '../../database/statements/api-key-rows.ts';
import { ApiError } from '../../domain/api-error.ts';
import { withFound } from '../../domain/validation/found-value.ts';
import type {
  BatchCreateApiKeysRequest,
  BatchCreateApiKeysResponse,
} from '../../generated/weir/admin/v1/api_key_service.ts';
import type { Caller } from '../callers/caller.ts';
import { FieldViolations } from '../fields/field-violations.ts';
import { type ApiKeyValues, readApiKeyValues } from './api-key-fields.ts';
import { EMPTY_API_KEY, toApiKeyMessage } from './api-key-message.ts';
import { findMissingReferences, referencedIds } from './api-key-references.ts';
import { generateApiKeyRow, requireBatchSize } from './new-api-key.ts';
import { withinKeyBounds } from './within-key-bounds.ts';

/** Bounds the response. One that is too long to be sent would lose the secrets of keys that exist. */
const MAX_LIMITS_PER_CALL = 4_000;

/** Creates all keys of a request, or none. Throws `invalid` with the faults of all of them. */
export async function batchCreateApiKeys(
  { requests }: BatchCreateApiKeysRequest,
  caller: Caller,
  { database, digest }: { readonly database: Database; digest(secret: string): string },
): Promise<BatchCreateApiKeysResponse> {
  requireBatchSize('requests', requests.length);
  const violations = new FieldViolations();
  for (const [index, { requestId, validateOnly }] of requests.entries()) {
    if (requestId !== undefined || validateOnly !== undefined) {
      violations.add(
        `requests[${index}]`,
        'must have no request_id and no validate_only; set them for the whole batch',
      );
    }
  }
  const values = requests.map(({ apiKey = EMPTY_API_KEY }, index) =>
    readWithin(violations, `requests[${index}].`, () => readApiKeyValues(apiKey, caller)),
  );
  violations.throwIfAny();
  const valid = values.filter((value) => value !== undefined);
  const limits = valid.reduce((sum, value) => sum + value.limits.length, 0);
  if (limits > MAX_LIMITS_PER_CALL) {
    violations.add('requests', withFound(`must have at most ${MAX_LIMITS_PER_CALL} limits in total`, limits));
  }
  violations.throwIfAny();
  return database.em.fork().transactional(async (em) => {
    const { accountIds, planIds } = referencedIds(valid);
    const existing = await lockReferences(em, { accountIds, planIds });
    for (const [index, value] of valid.entries()) {
      violations.addAll(`requests[${index}].api_key.`, findMissingReferences(value, existing));
    }
    violations.throwIfAny();
    const now = new Date();
    const created = valid.map((value) => generateApiKeyRow(value, digest, now));
    const rows = created.map(({ row }) => row);
    await withinKeyBounds(em, accountIds, () => insertApiKeys(em, rows));
    return { apiKeys: created.map(({ row, secret }) => ({ apiKey: toApiKeyMessage(row), secret })) };
  });
}

/** Adds the faults of an item to those of the call. Returns undefined if there are any. */
function readWithin(violations: FieldViolations, prefix: string, read: () => ApiKeyValues): ApiKeyValues | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ApiError) || error.reason.kind !== 'invalid') throw error;
    violations.addAll(prefix, error.reason.faults);
    return undefined;
  }
}

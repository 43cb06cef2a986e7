import type { EntityManager } from '@mikro-orm/postgresql';
import type { ApiKeyEntity } from '../../database/entities/api-key-entity.ts';
import type { Database } from '../../database/open-database.ts';
import { countApiKeys } from '../../database/statements/api-key-counts.ts';
import { findApiKeyIds, insertApiKeys, lockReferences } from '../../database/statements/api-key-rows.ts';
import { describeKeyBound } from '../../domain/api-error.ts';
import type { FieldFault, Invalid } from '../../domain/validation/field-fault.ts';
import { Code } from '../../generated/google/rpc/code.ts';
import type {
  ImportApiKeysRequest,
  ImportApiKeysResponse,
  ImportApiKeysResponse_Result as Result,
} from '../../generated/weir/admin/v1/api_key_service.ts';
import type { Caller } from '../callers/caller.ts';
import { type ApiKeyImportValues, readApiKeyImport } from './api-key-import-fields.ts';
import { toApiKeyMessage } from './api-key-message.ts';
import { findMissingReferences, referencedIds } from './api-key-references.ts';
import { newApiKeyRow, requireBatchSize } from './new-api-key.ts';

export interface ImportOptions {
  readonly database: Database;
  digest(secret: string): string;
  /** Digests with earlier peppers. A key may be in the catalog under one of them. */
  readonly formerDigests: readonly ((secret: string) => string)[];
  /** Whether keys that do not have Weir's own format are accepted. */
  readonly acceptsImportedKeys: boolean;
}

/** Imports the keys of a request that can be imported, in one transaction. The caller must be an administrator. */
export async function importApiKeys(
  { apiKeys, validateOnly }: ImportApiKeysRequest,
  caller: Caller,
  options: ImportOptions,
): Promise<ImportApiKeysResponse> {
  requireBatchSize('api_keys', apiKeys.length);
  const items = apiKeys.map((item) => readApiKeyImport(item, caller, options.acceptsImportedKeys));
  return options.database.em.fork().transactional(async (em) => {
    const candidates = await findCandidates(em, items, options);
    const rows = candidates.filter((candidate) => 'row' in candidate).map(({ row }) => row);
    const inserted = validateOnly ? undefined : await insertApiKeys(em, rows);
    const skipped = inserted === undefined ? [] : rows.filter(({ id }) => !inserted.has(id));
    const existing = await findApiKeyIds(
      em,
      skipped.map(({ digest }) => Buffer.from(digest).toString('hex')),
    );
    const results = candidates.map((candidate): Result => {
      if (!('row' in candidate)) return candidate;
      const { row } = candidate;
      if (inserted?.has(row.id) === false) {
        // Another call has inserted the key since it was looked for.
        return keyExists(existing.get(Buffer.from(row.digest).toString('hex')) ?? '');
      }
      return { apiKey: { ...toApiKeyMessage(row), ...(validateOnly && { name: '' }) }, code: Code.OK, message: '' };
    });
    return { results };
  });
}

/** The row of a key to import, or the result of one that cannot be imported. */
type Candidate = { readonly row: ApiKeyEntity } | Result;

async function findCandidates(
  em: EntityManager,
  items: readonly (ApiKeyImportValues | Invalid)[],
  { digest, formerDigests }: ImportOptions,
): Promise<readonly Candidate[]> {
  const readable = items.flatMap((item) => ('faults' in item ? [] : [item]));
  const references = await lockReferences(em, referencedIds(readable.map(({ values }) => values)));
  const digesters = [digest, ...formerDigests];
  const digests = new Map(
    readable.map((item) => [item, digesters.map((digester) => digester(item.digestedText))] as const),
  );
  const existing = await findApiKeyIds(em, [...digests.values()].flat());
  const room = await countRoom(em, references.accountIds);
  const indexes = new Map<string, number>();
  const now = new Date();
  return items.map((item, index): Candidate => {
    if ('faults' in item) return rejectFaults(item.faults);
    const faults = findMissingReferences(item.values, references);
    if (faults.length > 0) return rejectFaults(faults);
    const [current = '', ...former] = digests.get(item) ?? [];
    const id = [current, ...former].map((text) => existing.get(text)).find((found) => found !== undefined);
    if (id !== undefined) return keyExists(id);
    const earlier = indexes.get(current);
    if (earlier !== undefined) return alreadyExists(`api_keys[${earlier}] is the same key`);
    indexes.set(current, index);
    const { values, imported, hint } = item;
    const rejection = room.take(values.accountId);
    if (rejection !== undefined) return rejection;
    return { row: newApiKeyRow(values, { digest: Buffer.from(current, 'hex'), hint, imported }, now) };
  });
}

/** Counts the keys that the plans of accounts still allow. */
async function countRoom(em: EntityManager, accountIds: ReadonlySet<string>) {
  const counts = await countApiKeys(em, accountIds);
  const left = new Map(counts.map(({ accountId, count, max }) => [accountId, { keys: max - count, max }]));
  return {
    /** Takes the room of a key. Returns the result of a key for which there is none. */
    take(accountId: string): Result | undefined {
      const room = left.get(accountId);
      if (room === undefined) return undefined;
      room.keys -= 1;
      if (room.keys >= 0) return undefined;
      return { apiKey: undefined, code: Code.RESOURCE_EXHAUSTED, message: describeKeyBound(room.max) };
    },
  };
}

function rejectFaults(faults: readonly FieldFault[]): Result {
  const message = faults.map(({ field, description }) => `${field}: ${description}`).join('; ');
  return { apiKey: undefined, code: Code.INVALID_ARGUMENT, message };
}

function keyExists(id: string): Result {
  return alreadyExists(`apiKeys/${id} already exists`);
}

function alreadyExists(message: string): Result {
  return { apiKey: undefined, code: Code.ALREADY_EXISTS, message };
}

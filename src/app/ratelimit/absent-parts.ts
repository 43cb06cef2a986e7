import { randomBytes } from 'node:crypto';
import type { Catalog, TokenVerifier, UsageTally } from '../../decide/ports.ts';
import type { Query } from '../../interfaces/query.ts';

/** Stands in for the catalog of a service that has none. It knows nobody. */
export function createAbsentCatalog(): Catalog {
  // Only this process can redeem its receipts: there is no database to share a key in.
  const receiptKey = { id: 'process', secret: randomBytes(32) };
  return {
    isAbsent: true,
    isTooStale: false,
    hasImportedKeys: false,
    keyBySecret: () => undefined,
    importedKeyBySecret: () => undefined,
    key: () => undefined,
    account: () => undefined,
    plan: () => undefined,
    trust: { issuers: [], keys: [] },
    isRevoked: () => false,
    receiptKey,
    findReceiptKey: (id) => (id === receiptKey.id ? receiptKey : undefined),
  };
}

/** Only Check asks for tokens, and it is not served. */
export const ABSENT_TOKENS: TokenVerifier = {
  ownIssuer: '',
  maxTokenBytes: 0,
  cached: () => ({ kind: 'unavailable' }),
  verify: (_token, _source, done) => done({ kind: 'unavailable' }),
};

export const ABSENT_USAGE: UsageTally = { record: () => undefined, settle: () => undefined };

/** Stands in for the database of checkpoints: it is empty, and forgets what is written. */
export const ABSENT_DATABASE: Query = async () => [];

import { describe, expect, it } from 'vitest';
import type { AccessChange } from '../../domain/access-change.ts';
import type { Logger } from '../../interfaces/logger.ts';
import { AccessChanges, type FormerCatalog } from './access-changes.ts';
import type { AccountRow, ApiKeyRow, CatalogEntry } from './catalog-rows.ts';

interface Former {
  readonly disabled: boolean;
  readonly expiresAt?: number | undefined;
  readonly blockEndsAt?: number | undefined;
}

/** The lines that are logged for entries, each with its changes. `former` is the state of all keys, accounts and devices before them. */
async function logLines(entries: readonly CatalogEntry[], former?: Former): Promise<AccessChange[][]> {
  const lines: AccessChange[][] = [];
  const info = (fields: object) => void lines.push((fields as { changes: AccessChange[] }).changes);
  const catalog: FormerCatalog = {
    key: () => former && { expiresAt: undefined, ...former },
    account: (id) => former && { id, planId: 'free', blockEndsAt: undefined, ...former },
    devices: { find: () => former && (former.blockEndsAt === undefined ? 'known' : 'blocked') },
  };
  const changes = new AccessChanges(catalog);
  for (const entry of entries) changes.add(entry);
  await changes.writeTo({ info } as unknown as Logger);
  return lines;
}

const key = (fields: Partial<ApiKeyRow>) =>
  ({ entity: 'api_key', id: 'k', record: { disabled: false, expiresAt: null, ...fields } }) as CatalogEntry;

const account = (fields: Partial<AccountRow>): CatalogEntry => ({
  entity: 'account',
  id: 'a',
  record: { planId: 'free', disabled: false, blockEndsAt: null, supersededPlanLimits: null, ...fields },
});

const DEVICE_ID = `a/${'0'.repeat(32)}`;
const device = (blocked: boolean): CatalogEntry => ({
  entity: 'device',
  id: DEVICE_ID,
  record: { blocked, createdAt: 0 },
});
const deletedDevice: CatalogEntry = { entity: 'device', id: DEVICE_ID, record: null };

const USABLE: Former = { disabled: false, expiresAt: undefined };

describe('the access changes in entries of the feed', () => {
  it.each<[string, CatalogEntry, Former | undefined, Partial<AccessChange>[]]>([
    ['a new key', key({ expiresAt: 5 }), undefined, []],
    ['a key that changed in another way', key({}), USABLE, []],
    ['a deleted key', { entity: 'api_key', id: 'k', record: null }, USABLE, [{ state: 'deleted' }]],
    ['a disabled key', key({ disabled: true }), USABLE, [{ state: 'disabled' }]],
    ['a key that was enabled', key({}), { ...USABLE, disabled: true }, [{ state: 'enabled' }]],
    ['an earlier expiry', key({ expiresAt: 5 }), USABLE, [{ state: 'expires', expiresAt: 5 }]],
    ['an expiry that was removed', key({}), { ...USABLE, expiresAt: 5 }, [{ state: 'expires', expiresAt: null }]],
    ['a deleted issuer', { entity: 'issuer', id: 'i', record: null }, undefined, [{ state: 'deleted' }]],
    ['a deleted signing key', { entity: 'signing_key', id: 's', record: null }, undefined, [{ state: 'deleted' }]],
    ['a revocation whose tokens have expired', { entity: 'revocation', id: 'r', record: null }, undefined, []],
    ['a new account', account({}), undefined, []],
    ['an account that changed in another way', account({ planId: 'pro' }), USABLE, []],
    ['a deleted account', { entity: 'account', id: 'a', record: null }, USABLE, [{ state: 'deleted' }]],
    ['a disabled account', account({ disabled: true }), USABLE, [{ state: 'disabled' }]],
    ['an account that was enabled', account({}), { disabled: true }, [{ state: 'enabled' }]],
    ['a blocked account', account({ blockEndsAt: 5 }), USABLE, [{ state: 'blocked', expiresAt: 5 }]],
    ['an account that was unblocked', account({}), { disabled: false, blockEndsAt: 5 }, [{ state: 'unblocked' }]],
    ['a new device', device(false), undefined, []],
    ['a blocked device', device(true), USABLE, [{ state: 'blocked' }]],
    ['a device that was unblocked', device(false), { disabled: false, blockEndsAt: 5 }, [{ state: 'unblocked' }]],
    ['a deleted device', deletedDevice, USABLE, []],
    ['a blocked device that was deleted', deletedDevice, { disabled: false, blockEndsAt: 5 }, [{ state: 'unblocked' }]],
    ['a deleted plan', { entity: 'plan', id: 'p', record: null }, undefined, []],
  ])('of %s', async (_, entry, former, expected) => {
    const lines = await logLines([entry], former);
    expect(lines.flat()).toEqual(expected.map((change) => ({ entity: entry.entity, id: entry.id, ...change })));
  });

  it('are spread over lines of at most a hundred', async () => {
    const entries = Array.from({ length: 250 }, (_, index) => ({
      entity: 'api_key' as const,
      id: String(index),
      record: null,
    }));
    expect((await logLines(entries)).map((changes) => changes.length)).toEqual([100, 100, 50]);
  });
});

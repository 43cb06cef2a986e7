import { createHash, randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Logger } from '../../interfaces/logger.ts';
import type { AccountRow, ApiKeyRow } from '../feed/catalog-rows.ts';
import { ReadModel } from './read-model.ts';

const digest = (secret: string) => createHash('sha256').update(secret).digest('hex');
const silent = { info: () => {}, warn: () => {}, error: () => {} };

/** The account of `makeKeyRow`. */
const ACCOUNT = { entity: 'account', id: 'account' } as const;

/** Opens a model with ACCOUNT. */
function openModel(
  digestSecret = digest,
  log: Logger = silent,
  formerDigests: readonly (typeof digest)[] = [],
): ReadModel {
  const model = new ReadModel(digestSecret, log, formerDigests);
  model.apply({ ...ACCOUNT, record: makeAccountRow() });
  return model;
}

const POLICY = { limits: [], allowedNetworks: ['192.0.2.0/24'], features: ['export'] };

function makeAccountRow(fields: Partial<AccountRow> = {}): AccountRow {
  return { planId: 'free', disabled: false, blockEndsAt: null, supersededPlanLimits: null, ...fields };
}

function makeKeyRow(secret: string, fields: Partial<ApiKeyRow> = {}): ApiKeyRow {
  const row = {
    imported: false,
    counterId: 'counter',
    accountId: 'account',
    planId: null,
    disabled: false,
    policy: null,
  };
  return { digest: digest(secret), ...row, expiresAt: null, ...fields };
}

const SECRETS = ['one', 'two', 'three', 'four'];

const anyId = fc.constantFrom(
  'a',
  '',
  'key-1',
  'ключ',
  '97b2f1ed-f640-580f-6605-6cc4bfcf6335',
  '97B2F1ED-F640-580F-6605-6CC4BFCF6335',
  '97b2f1ed-f640-580f-6605-6cc4bfcf633g',
  '97b2f1ed-f640-580f-6605-6cc4bfcf6336',
);
const anyKeyRow = fc.record({
  digest: fc.constantFrom(...SECRETS).map(digest),
  imported: fc.boolean(),
  counterId: anyId,
  accountId: anyId,
  planId: fc.constantFrom(null, 'free', 'pro', 'é'),
  disabled: fc.boolean(),
  policy: fc.constantFrom(null, POLICY),
  expiresAt: fc.constantFrom(null, 0, -1, 1_795_190_526_123, 253_402_300_799_999),
});
const anyAccountRow = fc.record({
  planId: fc.constantFrom('free', 'pro'),
  disabled: fc.boolean(),
  blockEndsAt: fc.constantFrom(null, 0, -1, 1, 1_795_190_526_120, 1_795_190_526_123, 253_402_300_799_999),
  supersededPlanLimits: fc.constant(null),
});

/** The end of a block as the model holds it: in hundredths of a second, rounded up, and at the latest in 2144. */
function storedBlockEnd(blockEndsAt: number | null): number | undefined {
  return blockEndsAt === null || blockEndsAt <= 0 ? undefined : Math.min(Math.ceil(blockEndsAt / 10), 2 ** 39 - 1) * 10;
}

const anyEntry = fc.oneof(
  fc.record({ entity: fc.constant('api_key' as const), id: anyId, record: fc.option(anyKeyRow) }),
  fc.record({ entity: fc.constant('api_key' as const), id: anyId, record: anyKeyRow }),
  fc.record({
    entity: fc.constant('account' as const),
    id: anyId,
    record: fc.option(anyAccountRow),
  }),
);

describe('a lookup by secret', () => {
  it('finds the right key although the digests of others begin alike', () => {
    const digestWithCommonPrefix = (secret: string) => `${'a5'.repeat(4)}${digest(secret).slice(8)}`;
    const model = openModel(digestWithCommonPrefix);
    for (const secret of SECRETS) {
      model.apply({
        entity: 'api_key',
        id: secret,
        record: makeKeyRow(secret, { digest: digestWithCommonPrefix(secret) }),
      });
    }
    const secrets = [...SECRETS, ...SECRETS]; // the second time from the cache
    expect(secrets.map((secret) => model.keyBySecret(secret)?.id)).toEqual(secrets);
    expect(model.keyBySecret('five')).toBeUndefined();
    model.apply({ entity: 'api_key', id: 'two', record: null });
    expect(SECRETS.map((secret) => model.keyBySecret(secret)?.id)).toEqual(['one', undefined, 'three', 'four']);
  });

  it('computes one digest for the newest pepper, and one more for each earlier one that it has to try', () => {
    const computed: string[] = [];
    const digestWith = (pepper: string) => (secret: string) => {
      computed.push(pepper);
      return digest(pepper + secret);
    };
    const model = openModel(digestWith('new'), silent, [digestWith('former'), digestWith('first')]);
    for (const pepper of ['new', 'former', 'first']) {
      const record = { ...makeKeyRow('secret'), digest: digest(`${pepper}secret-${pepper}`) };
      model.apply({ entity: 'api_key', id: pepper, record });
    }
    for (const [secret, id, peppers] of [
      ['secret-new', 'new', ['new']],
      ['secret-former', 'former', ['new', 'former']],
      ['secret-first', 'first', ['new', 'former', 'first']],
      ['unknown', undefined, ['new', 'former', 'first']],
    ] as const) {
      computed.length = 0;
      expect(model.keyBySecret(secret)?.id).toBe(id);
      expect(computed).toEqual(peppers);
    }
    const withoutEarlierPeppers = openModel(digestWith('new'));
    computed.length = 0;
    expect(withoutEarlierPeppers.keyBySecret('unknown')).toBeUndefined();
    expect(computed).toEqual(['new']);
  });
});

describe('a lookup by the secret of an imported key', () => {
  const secret = 'the secret of another service';
  const imported = (fields: Partial<ApiKeyRow> = {}) =>
    makeKeyRow('', { digest: digest(digest(secret)), imported: true, ...fields });

  it('computes no digest while there are no imported keys, and none of texts that cannot be one', () => {
    let computed = 0;
    const counting = (text: string) => {
      computed += 1;
      return digest(text);
    };
    const model = openModel(counting);
    model.apply({ entity: 'api_key', id: 'own', record: makeKeyRow('one') });
    expect([model.hasImportedKeys, model.importedKeyBySecret(secret), computed]).toEqual([false, undefined, 0]);
    model.apply({ entity: 'api_key', id: 'imported', record: imported() });
    expect([model.hasImportedKeys, model.importedKeyBySecret(secret)?.id, computed]).toEqual([true, 'imported', 1]);
    for (const length of [0, 15, 257, 1_000_000]) expect(model.importedKeyBySecret('x'.repeat(length))).toBeUndefined();
    expect(computed).toBe(1);
    for (const length of [16, 256]) expect(model.importedKeyBySecret('x'.repeat(length))).toBeUndefined();
    expect(computed).toBe(3);
    model.apply({ entity: 'api_key', id: 'imported', record: null });
    expect([model.hasImportedKeys, model.importedKeyBySecret(secret), computed]).toEqual([false, undefined, 3]);
  });

  it('knows whether there are imported keys, whatever happens to them', () => {
    const anyChange = fc.record({
      entity: fc.constant('api_key' as const),
      id: fc.constantFrom('a', 'b', 'c'),
      record: fc.option(anyKeyRow),
    });
    const property = fc.property(fc.array(anyChange, { maxLength: 40 }), (changes) => {
      const model = openModel();
      const rows = new Map<string, ApiKeyRow>();
      for (const { entity, id, record } of changes) {
        model.apply({ entity, id, record });
        if (record === null) rows.delete(id);
        else rows.set(id, record);
        expect(model.hasImportedKeys).toBe([...rows.values()].some((row) => row.imported));
      }
    });
    fc.assert(property);
  });
});

describe('the read model', () => {
  it('returns every key and account as it was last applied', () => {
    const property = fc.property(fc.array(anyEntry, { maxLength: 80, size: 'max' }), (entries) => {
      const model = new ReadModel(digest, silent);
      const keys = new Map<string, ApiKeyRow>();
      const accounts = new Map<string, AccountRow>();
      for (const entry of entries) {
        model.apply(entry);
        for (const secret of SECRETS) model.keyBySecret(secret);
        if (entry.entity === 'account') {
          if (entry.record === null) accounts.delete(entry.id);
          else accounts.set(entry.id, entry.record);
        } else if (entry.record === null) keys.delete(entry.id);
        else keys.set(entry.id, entry.record);
      }
      const describeState = ({ disabled, blockEndsAt }: AccountRow) => {
        return { disabled, blockEndsAt: storedBlockEnd(blockEndsAt) };
      };
      for (const [id, row] of keys) {
        const account = accounts.get(row.accountId);
        if (account === undefined) continue;
        const { digest: _digest, imported: _imported, policy, expiresAt, planId, ...same } = row;
        expect(model.key(id)).toMatchObject({ id, ...same, planId: planId ?? account.planId });
        expect(model.key(id)?.accountState).toEqual(describeState(account));
        expect(model.key(id)?.expiresAt).toBe(expiresAt ?? undefined);
        expect(model.key(id)?.policy.features).toEqual(policy === null ? [] : ['export']);
      }
      const isKnown = (id: string) => accounts.has(keys.get(id)?.accountId ?? 'none');
      for (const { id } of entries) {
        if (!isKnown(id)) expect(model.key(id)).toBeUndefined();
        const account = accounts.get(id);
        expect(model.account(id)).toEqual(account && { id, planId: account.planId, ...describeState(account) });
      }
      for (const secret of SECRETS) {
        const candidates = [...keys].filter(([, row]) => row.digest === digest(secret)).map(([id]) => id);
        const found = model.keyBySecret(secret)?.id;
        // Digests are unique in the database. Of keys with the same one, one is found, unless its account is unknown.
        if (found === undefined) expect(candidates.every(isKnown)).toBe(candidates.length === 0);
        else expect(candidates.filter(isKnown)).toContain(found);
        if (found !== undefined) expect(model.keyBySecret(secret)).toBe(model.key(found));
      }
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('returns the same record for a key until the key changes', () => {
    const model = openModel();
    const apply = (row: ApiKeyRow) => model.apply({ entity: 'api_key', id: 'key', record: row });
    apply(makeKeyRow('secret', { policy: POLICY }));
    const first = model.keyBySecret('secret');
    expect(model.key('key')).toBe(first);
    apply(makeKeyRow('secret', { policy: POLICY }));
    expect(model.keyBySecret('secret')).toBe(first);
    model.apply({ ...ACCOUNT, record: makeAccountRow() });
    expect(model.keyBySecret('secret')).toBe(first);
    model.apply({ ...ACCOUNT, record: makeAccountRow({ planId: 'pro' }) });
    const second = model.key('key');
    expect([first?.planId, second?.planId]).toEqual(['free', 'pro']);
    apply(makeKeyRow('secret', { disabled: true }));
    expect(model.keyBySecret('secret')).toMatchObject({ id: 'key', disabled: true, planId: 'pro' });
    expect(second).toMatchObject({ disabled: false, planId: 'pro' });
    apply(makeKeyRow('other'));
    expect([model.keyBySecret('secret'), model.keyBySecret('other')?.id]).toEqual([undefined, 'key']);
    model.apply({ entity: 'api_key', id: 'successor', record: makeKeyRow('other') });
    model.apply({ entity: 'api_key', id: 'key', record: null });
    expect(model.keyBySecret('other')?.id).toBe('successor');
    model.apply({ entity: 'api_key', id: 'successor', record: null });
    expect(model.keyBySecret('other')).toBeUndefined();
  });

  it('has the limits of former plans while they may hold: of a key, and of its account without a plan of its own', () => {
    const model = openModel();
    const supersede = (name: string, age = 0) => ({
      limit: { name, requests: 1, window: '60s', algorithm: 'fixed_window' },
      supersedeTime: Date.now() - age,
    });
    const [ofKey, ofAccount, own] = [supersede('key'), supersede('account'), supersede('own')];
    const policy = { ...POLICY, supersededLimits: [own], supersededPlanLimits: [ofKey, supersede('ended', 61_000)] };
    const applyKey = (planId: string | null) =>
      model.apply({ entity: 'api_key', id: 'key', record: makeKeyRow('secret', { planId, policy }) });
    model.apply({ ...ACCOUNT, record: makeAccountRow({ supersededPlanLimits: [ofAccount] }) });
    applyKey(null);
    const first = model.keyBySecret('secret');
    expect(first?.supersededPlanLimits).toEqual([ofKey, ofAccount]);
    expect(first?.policy.supersededLimits).toEqual([own]);
    expect(model.account('account')?.supersededPlanLimits).toEqual([ofAccount]);
    model.apply({ ...ACCOUNT, record: makeAccountRow({ planId: 'pro' }) });
    expect(model.keyBySecret('secret')?.supersededPlanLimits).toEqual([ofKey]);
    model.apply({ ...ACCOUNT, record: makeAccountRow({ planId: 'pro', supersededPlanLimits: [ofAccount] }) });
    applyKey('own');
    expect(model.keyBySecret('secret')?.supersededPlanLimits).toEqual([ofKey]);
    const copy = new ReadModel(digest, silent);
    for (const entry of model.entries()) copy.apply(entry);
    expect(copy.key('key')).toEqual(model.key('key'));
    expect(copy.account('account')).toEqual(model.account('account'));
    model.apply({ ...ACCOUNT, record: makeAccountRow({ supersededPlanLimits: [supersede('ended', 61_000)] }) });
    expect(model.account('account')?.supersededPlanLimits).toBeUndefined();
  });

  it('returns another record for a key whose account is disabled, blocked or gone, until it is as before', () => {
    const model = openModel();
    model.apply({ entity: 'api_key', id: 'key', record: makeKeyRow('secret', { planId: 'own' }) });
    const first = model.keyBySecret('secret');
    expect(first?.accountState).toEqual({ disabled: false, blockEndsAt: undefined });
    const states: Partial<AccountRow>[] = [{ disabled: true }, { blockEndsAt: 5_000 }, { blockEndsAt: 6_000 }];
    for (const state of states) {
      model.apply({ ...ACCOUNT, record: makeAccountRow(state) });
      const record = model.keyBySecret('secret');
      expect(record?.accountState).toMatchObject(state);
      model.apply({ ...ACCOUNT, record: makeAccountRow({ ...state, planId: 'pro' }) });
      expect(model.keyBySecret('secret')).toBe(record); // the key is on a plan of its own
    }
    model.apply({ ...ACCOUNT, record: null });
    expect([model.keyBySecret('secret'), model.key('key'), model.account('account')]).toEqual(Array(3).fill(undefined));
    model.apply({ ...ACCOUNT, record: makeAccountRow() });
    expect(model.keyBySecret('secret')).toEqual(first);
  });

  it('keeps the record of a key in use while it returns many others', () => {
    const model = openModel();
    const ids = Array.from({ length: 50_000 }, () => randomUUID());
    for (const id of ids)
      model.apply({ entity: 'api_key', id, record: makeKeyRow(id, { counterId: id, planId: 'free' }) });
    const [used = expect.fail()] = ids;
    const record = model.keyBySecret(used);
    for (const [index, id] of ids.entries()) {
      expect(model.keyBySecret(id)?.id).toBe(id);
      if (index % 1000 === 0) expect(model.keyBySecret(used)).toBe(record);
    }
    expect(model.key(randomUUID())).toBeUndefined();
    expect(model.keyBySecret(randomUUID())).toBeUndefined();
  });

  it('reuses the memory of keys and accounts that were removed', () => {
    const model = openModel();
    setFlagsFromString('--expose-gc');
    const collectGarbage: () => void = runInNewContext('gc');
    const measureBuffers = () => {
      for (let pass = 0; pass < 2; pass++) collectGarbage();
      return process.memoryUsage().arrayBuffers;
    };
    const before = measureBuffers();
    let growth = 0;
    for (let round = 0; round < 10; round++) {
      const ids = Array.from({ length: 5_000 }, () => randomUUID());
      for (const id of ids) {
        model.apply({ entity: 'account', id, record: makeAccountRow({ planId: id }) });
        model.apply({
          entity: 'api_key',
          id,
          record: makeKeyRow(id, { accountId: id, planId: round % 2 ? id : null }),
        });
      }
      for (const id of ids) {
        model.apply({ entity: 'api_key', id, record: null });
        model.apply({ entity: 'account', id, record: null });
      }
      if (round === 0) growth = measureBuffers() - before;
    }
    expect(growth).toBeGreaterThan(0);
    expect(measureBuffers() - before).toBeLessThan(2 * growth);
    expect(model.key('one of the removed keys')).toBeUndefined();
  });

  it('removes and logs a key whose new record is too long', () => {
    const logged: object[] = [];
    const model = openModel(digest, { ...silent, error: (fields) => void logged.push(fields) });
    model.apply({ entity: 'api_key', id: 'key', record: makeKeyRow('secret') });
    model.apply({ entity: 'api_key', id: 'key', record: makeKeyRow('secret', { counterId: 'c'.repeat(100_000) }) });
    expect([model.key('key'), logged]).toEqual([undefined, [{ api_key: 'key' }]]);
    expect(model.key('x'.repeat(100_000))).toBeUndefined();
  });
});

import { createHash, randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ApiKeyRow } from '../feed/catalog-rows.ts';
import { ReadModel } from './read-model.ts';

const digest = (secret: string) => createHash('sha256').update(secret).digest('hex');
const silent = { info: () => {}, warn: () => {}, error: () => {} };
const openModel = () => new ReadModel(digest, silent);

const NETWORKS = { limits: [], allowedNetworks: ['192.0.2.0/24'], features: ['export'] };

function keyRow(secret: string, fields: Partial<ApiKeyRow> = {}): ApiKeyRow {
  const row = { counterId: 'counter', accountId: 'account', planId: null, disabled: false, policy: null };
  return { digest: digest(secret), ...row, expiresAt: null, ...fields };
}

const SECRETS = ['one', 'two', 'three', 'four'];

const id = fc.constantFrom(
  'a',
  '',
  'key-1',
  'ключ',
  '97b2f1ed-f640-580f-6605-6cc4bfcf6335',
  '97B2F1ED-F640-580F-6605-6CC4BFCF6335',
  '97b2f1ed-f640-580f-6605-6cc4bfcf633g',
  '97b2f1ed-f640-580f-6605-6cc4bfcf6336',
);
const row = fc.record({
  digest: fc.constantFrom(...SECRETS).map(digest),
  counterId: id,
  accountId: id,
  planId: fc.constantFrom(null, 'free', 'pro', 'é'),
  disabled: fc.boolean(),
  policy: fc.constantFrom(null, NETWORKS),
  expiresAt: fc.constantFrom(null, 0, -1, 1_795_190_526_123, 253_402_300_799_999),
});
const entry = fc.oneof(
  fc.record({ entity: fc.constant('api_key' as const), id, record: fc.option(row) }),
  fc.record({ entity: fc.constant('api_key' as const), id, record: row }),
  fc.record({
    entity: fc.constant('account' as const),
    id,
    record: fc.option(fc.record({ planId: fc.constantFrom('free', 'pro') })),
  }),
);

describe('a secret', () => {
  it('finds its own key, though the digest of another begins alike', () => {
    const alike = (secret: string) => `${'a5'.repeat(4)}${digest(secret).slice(8)}`;
    const model = new ReadModel(alike, silent);
    for (const secret of SECRETS) {
      model.apply({ entity: 'api_key', id: secret, record: keyRow(secret, { digest: alike(secret) }) });
    }
    const asked = [...SECRETS, ...SECRETS];
    expect(asked.map((secret) => model.keyBySecret(secret)?.id)).toEqual(asked);
    expect(model.keyBySecret('five')).toBeUndefined();
    model.apply({ entity: 'api_key', id: 'two', record: null });
    expect(SECRETS.map((secret) => model.keyBySecret(secret)?.id)).toEqual(['one', undefined, 'three', 'four']);
  });

  it('is one digest for a key by the newest pepper, and one more for each pepper before it', () => {
    const asked: string[] = [];
    const by = (pepper: string) => (secret: string) => {
      asked.push(pepper);
      return digest(pepper + secret);
    };
    const model = new ReadModel(by('new'), silent, [by('former'), by('first')]);
    for (const pepper of ['new', 'former', 'first']) {
      const record = { ...keyRow('secret'), digest: digest(`${pepper}secret-${pepper}`) };
      model.apply({ entity: 'api_key', id: pepper, record });
    }
    for (const [secret, id, digests] of [
      ['secret-new', 'new', ['new']],
      ['secret-former', 'former', ['new', 'former']],
      ['secret-first', 'first', ['new', 'former', 'first']],
      ['of nobody', undefined, ['new', 'former', 'first']],
    ] as const) {
      asked.length = 0;
      expect(model.keyBySecret(secret)?.id).toBe(id);
      expect(asked).toEqual(digests);
    }
    const only = new ReadModel(by('new'), silent);
    asked.length = 0;
    expect(only.keyBySecret('of nobody')).toBeUndefined();
    expect(asked).toEqual(['new']);
  });
});

describe('the catalog in memory', () => {
  it('tells of every key and account what was applied last', () => {
    const property = fc.property(fc.array(entry, { maxLength: 80, size: 'max' }), (entries) => {
      const model = openModel();
      const keys = new Map<string, ApiKeyRow>();
      const plans = new Map<string, string>();
      for (const each of entries) {
        model.apply(each);
        for (const secret of SECRETS) model.keyBySecret(secret);
        if (each.entity === 'account') {
          if (each.record === null) plans.delete(each.id);
          else plans.set(each.id, each.record.planId);
        } else if (each.record === null) keys.delete(each.id);
        else keys.set(each.id, each.record);
      }
      for (const [id, row] of keys) {
        const { digest: _, policy, expiresAt, planId, ...same } = row;
        expect(model.key(id)).toMatchObject({ id, ...same, planId: planId ?? plans.get(row.accountId) ?? '' });
        expect(model.key(id)?.expiresAt).toBe(expiresAt ?? undefined);
        expect(model.key(id)?.policy.features).toEqual(policy === null ? [] : ['export']);
      }
      for (const { id } of entries) {
        if (!keys.has(id)) expect(model.key(id)).toBeUndefined();
        expect(model.account(id)?.planId).toBe(plans.get(id));
      }
      for (const secret of SECRETS) {
        const having = [...keys].filter(([, row]) => row.digest === digest(secret)).map(([id]) => id);
        const found = model.keyBySecret(secret)?.id;
        if (having.length === 0) expect(found).toBeUndefined();
        else expect(having).toContain(found);
        if (found !== undefined) expect(model.keyBySecret(secret)).toBe(model.key(found));
      }
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('gives one record for a key for as long as it is the same, and another when anything of it has changed', () => {
    const model = openModel();
    model.apply({ entity: 'account', id: 'account', record: { planId: 'free' } });
    const apply = (row: ApiKeyRow) => model.apply({ entity: 'api_key', id: 'key', record: row });
    apply(keyRow('secret', { policy: NETWORKS }));
    const first = model.keyBySecret('secret');
    expect(model.key('key')).toBe(first);
    apply(keyRow('secret', { policy: NETWORKS }));
    expect(model.keyBySecret('secret')).toBe(first);
    model.apply({ entity: 'account', id: 'account', record: { planId: 'pro' } });
    const second = model.key('key');
    expect([first?.planId, second?.planId]).toEqual(['free', 'pro']);
    apply(keyRow('secret', { disabled: true }));
    expect(model.keyBySecret('secret')).toMatchObject({ id: 'key', disabled: true, planId: 'pro' });
    expect(second).toMatchObject({ disabled: false, planId: 'pro' });
    apply(keyRow('other'));
    expect([model.keyBySecret('secret'), model.keyBySecret('other')?.id]).toEqual([undefined, 'key']);
    model.apply({ entity: 'api_key', id: 'successor', record: keyRow('other') });
    model.apply({ entity: 'api_key', id: 'key', record: null });
    expect(model.keyBySecret('other')?.id).toBe('successor');
    model.apply({ entity: 'api_key', id: 'successor', record: null });
    expect(model.keyBySecret('other')).toBeUndefined();
  });

  it('keeps the records of keys that are asked for while many others are, and finds all of them', () => {
    const model = openModel();
    const ids = Array.from({ length: 50_000 }, () => randomUUID());
    for (const id of ids) model.apply({ entity: 'api_key', id, record: keyRow(id, { counterId: id, planId: 'free' }) });
    const [used = expect.fail()] = ids;
    const record = model.keyBySecret(used);
    for (const [place, id] of ids.entries()) {
      expect(model.keyBySecret(id)?.id).toBe(id);
      if (place % 1000 === 0) expect(model.keyBySecret(used)).toBe(record);
    }
    expect(model.key(randomUUID())).toBeUndefined();
    expect(model.keyBySecret(randomUUID())).toBeUndefined();
  });

  it('takes no more memory when keys come and go', () => {
    const model = openModel();
    setFlagsFromString('--expose-gc');
    const collectGarbage: () => void = runInNewContext('gc');
    const buffers = () => {
      for (let time = 0; time < 2; time++) collectGarbage();
      return process.memoryUsage().arrayBuffers;
    };
    const before = buffers();
    let grown = 0;
    for (let round = 0; round < 10; round++) {
      const ids = Array.from({ length: 5_000 }, () => randomUUID());
      for (const id of ids) {
        model.apply({ entity: 'account', id, record: { planId: id } });
        model.apply({ entity: 'api_key', id, record: keyRow(id, { accountId: id, planId: round % 2 ? id : null }) });
      }
      for (const id of ids) {
        model.apply({ entity: 'api_key', id, record: null });
        model.apply({ entity: 'account', id, record: null });
      }
      if (round === 0) grown = buffers() - before;
    }
    expect(grown).toBeGreaterThan(0);
    expect(buffers() - before).toBeLessThan(2 * grown);
    expect(model.key('one of them')).toBeUndefined();
  });

  it('refuses a key that is too long to be kept, and whatever was known of it', () => {
    const faults: object[] = [];
    const model = new ReadModel(digest, { ...silent, error: (fields) => void faults.push(fields) });
    model.apply({ entity: 'api_key', id: 'key', record: keyRow('secret') });
    model.apply({ entity: 'api_key', id: 'key', record: keyRow('secret', { counterId: 'c'.repeat(100_000) }) });
    expect([model.key('key'), faults]).toEqual([undefined, [{ api_key: 'key' }]]);
    expect(model.key('x'.repeat(100_000))).toBeUndefined();
  });
});

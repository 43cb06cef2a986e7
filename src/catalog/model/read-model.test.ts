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

const POLICY = { limits: [], allowedNetworks: ['192.0.2.0/24'], features: ['export'] };

function makeKeyRow(secret: string, fields: Partial<ApiKeyRow> = {}): ApiKeyRow {
  const row = { counterId: 'counter', accountId: 'account', planId: null, disabled: false, policy: null };
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
  counterId: anyId,
  accountId: anyId,
  planId: fc.constantFrom(null, 'free', 'pro', 'é'),
  disabled: fc.boolean(),
  policy: fc.constantFrom(null, POLICY),
  expiresAt: fc.constantFrom(null, 0, -1, 1_795_190_526_123, 253_402_300_799_999),
});
const anyEntry = fc.oneof(
  fc.record({ entity: fc.constant('api_key' as const), id: anyId, record: fc.option(anyKeyRow) }),
  fc.record({ entity: fc.constant('api_key' as const), id: anyId, record: anyKeyRow }),
  fc.record({
    entity: fc.constant('account' as const),
    id: anyId,
    record: fc.option(fc.record({ planId: fc.constantFrom('free', 'pro') })),
  }),
);

describe('a lookup by secret', () => {
  it('finds the right key although the digests of others begin alike', () => {
    const digestWithCommonPrefix = (secret: string) => `${'a5'.repeat(4)}${digest(secret).slice(8)}`;
    const model = new ReadModel(digestWithCommonPrefix, silent);
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
    const model = new ReadModel(digestWith('new'), silent, [digestWith('former'), digestWith('first')]);
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
    const withoutEarlierPeppers = new ReadModel(digestWith('new'), silent);
    computed.length = 0;
    expect(withoutEarlierPeppers.keyBySecret('unknown')).toBeUndefined();
    expect(computed).toEqual(['new']);
  });
});

describe('the read model', () => {
  it('returns every key and account as it was last applied', () => {
    const property = fc.property(fc.array(anyEntry, { maxLength: 80, size: 'max' }), (entries) => {
      const model = openModel();
      const keys = new Map<string, ApiKeyRow>();
      const plans = new Map<string, string>();
      for (const entry of entries) {
        model.apply(entry);
        for (const secret of SECRETS) model.keyBySecret(secret);
        if (entry.entity === 'account') {
          if (entry.record === null) plans.delete(entry.id);
          else plans.set(entry.id, entry.record.planId);
        } else if (entry.record === null) keys.delete(entry.id);
        else keys.set(entry.id, entry.record);
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
        const candidates = [...keys].filter(([, row]) => row.digest === digest(secret)).map(([id]) => id);
        const found = model.keyBySecret(secret)?.id;
        if (candidates.length === 0) expect(found).toBeUndefined();
        else expect(candidates).toContain(found);
        if (found !== undefined) expect(model.keyBySecret(secret)).toBe(model.key(found));
      }
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('returns the same record for a key until the key changes', () => {
    const model = openModel();
    model.apply({ entity: 'account', id: 'account', record: { planId: 'free' } });
    const apply = (row: ApiKeyRow) => model.apply({ entity: 'api_key', id: 'key', record: row });
    apply(makeKeyRow('secret', { policy: POLICY }));
    const first = model.keyBySecret('secret');
    expect(model.key('key')).toBe(first);
    apply(makeKeyRow('secret', { policy: POLICY }));
    expect(model.keyBySecret('secret')).toBe(first);
    model.apply({ entity: 'account', id: 'account', record: { planId: 'pro' } });
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
        model.apply({ entity: 'account', id, record: { planId: id } });
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
    const model = new ReadModel(digest, { ...silent, error: (fields) => void logged.push(fields) });
    model.apply({ entity: 'api_key', id: 'key', record: makeKeyRow('secret') });
    model.apply({ entity: 'api_key', id: 'key', record: makeKeyRow('secret', { counterId: 'c'.repeat(100_000) }) });
    expect([model.key('key'), logged]).toEqual([undefined, [{ api_key: 'key' }]]);
    expect(model.key('x'.repeat(100_000))).toBeUndefined();
  });
});

import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CatalogExport } from '../../src/catalog/feed/catalog-export.ts';
import type { CatalogEntry } from '../../src/catalog/feed/catalog-rows.ts';
import { ReadModel } from '../../src/catalog/model/read-model.ts';
import { formatDeviceKey } from '../../src/domain/device.ts';

const log = { info: () => {}, warn: () => {}, error: () => {} };
const digest = (secret: string) => secret;

/** Keys are few, so that entries often change or delete the same one. Policies make records of many lengths. */
const keyEntry = fc
  .record({ id: fc.nat(400), account: fc.nat(20), policy: fc.nat(3), isDeleted: fc.boolean() })
  .map(({ id, account, policy, isDeleted }): CatalogEntry => {
    const features = Array.from({ length: policy * 3 }, (_, index) => `feature${index}`);
    const record = {
      digest: id.toString(16).padStart(64, '0'),
      imported: id % 7 === 0,
      counterId: id % 2 === 0 ? `key-${id}` : `counter-${id}`,
      accountId: `account-${account}`,
      planId: id % 3 === 0 ? 'fast' : null,
      disabled: id % 5 === 0,
      policy: policy === 0 ? null : { limits: [], allowedNetworks: [], features },
      expiresAt: id % 4 === 0 ? 1_800_000_000_000 + id : null,
    };
    return { entity: 'api_key', id: `key-${id}`, record: isDeleted ? null : record };
  });
const accountEntry = fc
  .record({ id: fc.nat(20), plan: fc.constantFrom('slow', 'fast'), state: fc.nat(3), isDeleted: fc.boolean() })
  .map(({ id, plan, state, isDeleted }): CatalogEntry => {
    const blockEndsAt = state > 1 ? 1_800_000_000_000 : null;
    const record = { planId: plan, disabled: state === 1, blockEndsAt, supersededPlanLimits: null };
    return { entity: 'account', id: `account-${id}`, record: isDeleted ? null : record };
  });
const revocationEntry = fc
  .record({ id: fc.nat(20), isDeleted: fc.boolean() })
  .map(({ id, isDeleted }): CatalogEntry => {
    const record = {
      issuerId: null,
      kind: 'token' as const,
      value: `token-${id}`,
      issuedBefore: null,
      expiresAt: 1_900_000_000_000,
    };
    return { entity: 'revocation', id: `revocation-${id}`, record: isDeleted ? null : record };
  });
const planEntry = fc.record({ id: fc.nat(5), requests: fc.integer({ min: -2, max: 9 }), isDeleted: fc.boolean() }).map(
  ({ id, requests, isDeleted }): CatalogEntry => ({
    entity: 'plan',
    id: `plan-${id}`,
    // A later version may write what this one cannot read, as it cannot read a negative number.
    record: isDeleted
      ? null
      : {
          limits: [{ name: 'all', requests, window: '1m', algorithm: 'sliding_window' }],
          features: [],
          maxDevices: 0,
          supersededLimits: [],
        },
  }),
);
const receiptKeyEntry = fc.record({ id: fc.nat(5), createdAt: fc.nat(100), isDeleted: fc.boolean() }).map(
  ({ id, createdAt, isDeleted }): CatalogEntry => ({
    entity: 'receipt_key',
    id: `receipt-key-${id}`,
    record: isDeleted ? null : { secret: '07'.repeat(32), createdAt },
  }),
);
const deviceEntry = fc
  .record({ account: fc.nat(3), id: fc.nat(9), blocked: fc.boolean(), isDeleted: fc.boolean() })
  .map(({ account, id, blocked, isDeleted }): CatalogEntry => {
    const key = { accountId: account === 0 ? '' : `account-${account}`, deviceId: String(id).padStart(32, '0') };
    return { entity: 'device', id: formatDeviceKey(key), record: isDeleted ? null : { blocked, createdAt: id } };
  });
const changes = fc.array(
  fc.oneof({ weight: 8, arbitrary: keyEntry }, accountEntry, revocationEntry, planEntry, receiptKeyEntry, deviceEntry),
  {
    maxLength: 1500,
  },
);

/** The entries of a model, and what it answers by those that it keeps in another form. */
const readState = (model: ReadModel) => ({
  entries: [...model.entries()].map((entry) => JSON.stringify(entry)).toSorted(),
  plans: [...model.plans()].map((plan) => JSON.stringify(plan)).toSorted(),
  receiptKey: model.receiptKey,
});

it('an exported catalog equals the model, whatever changes while it is read', async () => {
  await fc.assert(
    fc.asyncProperty(changes, changes, fc.integer({ min: 1, max: 200 }), async (before, during, perBatch) => {
      const model = new ReadModel(digest, log);
      for (const entry of before) model.apply(entry);
      const catalogExport = new CatalogExport();
      const copy = new ReadModel(digest, log);
      let applied = 0;
      let expected = readState(model);
      for await (const batch of catalogExport.readBatches(() => model)) {
        expected = readState(model); // later changes are not part of the export unless it goes on
        for (const entry of batch) copy.apply(JSON.parse(JSON.stringify(entry)));
        const now = during.slice(applied, applied + perBatch);
        applied += now.length;
        for (const entry of now) {
          catalogExport.addChange(entry);
          model.apply(entry);
        }
      }
      expect(readState(copy)).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});

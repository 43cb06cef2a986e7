import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RECEIPT_KEYS } from '../../../test/support/receipt-keys.ts';
import { MemoryStore } from '../../counters/memory/memory-store.ts';
import { UNRESTRICTED } from '../../domain/account-state.ts';
import type { Descriptor } from '../../domain/descriptor.ts';
import type { RuleBook } from '../../domain/rules/rule-book.ts';
import { parseRules } from '../../rules/parse/parse-rules.ts';
import { createCounterAccess } from '../admin/counter-access.ts';
import { decideBatch } from '../decide-batch.ts';
import type { Catalog } from '../ports.ts';
import { prepareRateLimit, type RateLimitQuestion } from '../rate-limit/prepare-rate-limit.ts';
import { explainRateLimit } from './explain.ts';

const NOW = Date.UTC(2026, 2, 14, 12, 20);

const burst = {
  name: 'burst',
  algorithm: 'sliding_window',
  requests: 3,
  windowSeconds: 60,
  identity: 'burst/s60',
} as const;

/** A catalog of one account, on a plan of three requests a minute. */
const catalog: Catalog = {
  keyBySecret: () => undefined,
  hasImportedKeys: false,
  importedKeyBySecret: () => undefined,
  key: () => undefined,
  account: (id) => (id === 'ann' ? { id, planId: 'team', ...UNRESTRICTED } : undefined),
  plan: (id) => (id === 'team' ? { id, features: [], limits: [burst] } : undefined),
  trust: { issuers: [], keys: [] },
  isRevoked: () => false,
  isTooStale: false,
  ...RECEIPT_KEYS,
};

function makeBook(domain: string, descriptors: unknown): RuleBook {
  const parsed = parseRules('rules.yaml', JSON.stringify({ domain, descriptors }));
  if (!('root' in parsed)) throw new Error(JSON.stringify(parsed));
  return new Map([[parsed.domain, parsed.root]]);
}

const key = fc.constantFrom('a', 'b', 'account');
const limit = fc
  .record({
    name: fc.constantFrom('one', 'other'),
    requests: fc.integer({ min: 1, max: 6 }),
    window: fc.constantFrom('1m', '1h'),
    algorithm: fc.constantFrom('sliding_window', 'fixed_window', 'token_bucket'),
    charge_rejected: fc.boolean(),
    replacesOther: fc.constantFrom(false, false, true),
  })
  .map(({ replacesOther, ...spec }) => {
    return replacesOther && spec.name === 'one' ? { ...spec, replaces: [{ name: 'other' }] } : spec;
  });
const level = (depth: number): fc.Arbitrary<readonly object[]> =>
  fc.uniqueArray(
    fc.record(
      {
        key,
        value: fc.constantFrom('x', 'x*', '*', 'ann', ''),
        rate_limit: limit,
        shadow_mode: fc.boolean(),
        descriptors: depth === 0 ? fc.constant([]) : level(depth - 1),
      },
      { requiredKeys: ['key', 'descriptors'] },
    ),
    { maxLength: 5, selector: ({ key: name, value = '' }) => `${name}=${value}` },
  );

const descriptor: fc.Arbitrary<Descriptor> = fc.record({
  entries: fc.array(fc.record({ key, value: fc.constantFrom('x', 'xy', 'y', 'ann') }), { minLength: 1, maxLength: 3 }),
  hits: fc.constantFrom(0, 1, 1, 1, 2, 5),
  isRefund: fc.constant(false),
});

function openStore(): MemoryStore {
  return new MemoryStore({ now: () => NOW * 1000, maxCounters: 10_000, source: 'memory' });
}

async function decideOne(store: MemoryStore, question: RateLimitQuestion, book: RuleBook) {
  const { verdicts } = await decideBatch(store, [prepareRateLimit(question, book, catalog, NOW)], () => false);
  const [verdict] = verdicts;
  if (verdict?.kind !== 'rate_limit') throw new Error('counters in memory are always available');
  return verdict;
}

it('explains what the decision then is, and charges nothing: on random rules, requests and counters', async () => {
  let rejected = 0;
  let granted = 0;
  const requests = fc.array(fc.array(descriptor, { minLength: 1, maxLength: 4 }), { maxLength: 12 });
  const property = fc.asyncProperty(
    fc.constantFrom('shop', 'plans'),
    level(1),
    requests,
    async (domain, rules, descriptorLists) => {
      const book = makeBook(domain, rules);
      // Only one of the stores is asked to explain.
      const [explained, twin] = [openStore(), openStore()];
      const context = { rules: { book }, catalog, counters: createCounterAccess(explained, { book }, catalog) };
      for (const descriptors of descriptorLists) {
        const question: RateLimitQuestion = { domain, descriptors };
        const { verdict: explanation, limits } = await explainRateLimit(question, context, NOW);
        const verdict = await decideOne(explained, question, book);
        expect(await decideOne(twin, question, book)).toEqual(verdict);
        if (explanation.kind !== 'rate_limit') throw new Error('counters in memory are always available');
        expect(explanation.overLimit).toBe(verdict.overLimit);
        expect(explanation.descriptors.map(({ overLimit }) => overLimit)).toEqual(
          verdict.descriptors.map(({ overLimit }) => overLimit),
        );
        const charged = limits.filter(({ use }) => use === 'charged');
        expect(charged.map(({ label }) => label)).toEqual(verdict.limits.map(({ label }) => label));
        if (verdict.overLimit) rejected++;
        else if (charged.length > 0) granted++;
      }
    },
  );
  await fc.assert(property, { numRuns: 1000, seed: 20_261_121 });
  expect(rejected).toBeGreaterThan(200);
  expect(granted).toBeGreaterThan(200);
});

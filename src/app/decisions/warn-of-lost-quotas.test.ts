import { expect, it } from 'vitest';
import type { Plan } from '../../domain/limits/plan.ts';
import { parsePlanLimits } from '../../domain/limits/plan.ts';
import { parseRules } from '../../rules/parse/parse-rules.ts';
import { createCheck } from './warn-of-lost-quotas.ts';

function makePlan(id: string, ...limits: readonly object[]): Plan {
  const parsed = parsePlanLimits(limits);
  if ('faults' in parsed) throw new Error(JSON.stringify(parsed));
  return { id, limits: parsed, features: [] };
}

function makeBook(domain: string, descriptors: string) {
  const parsed = parseRules('rules.yaml', `domain: ${domain}\ndescriptors: ${descriptors}\n`);
  if (!('root' in parsed)) throw new Error(JSON.stringify(parsed));
  return new Map([[domain, parsed.root]]);
}

function open() {
  const plans = [
    makePlan(
      'free',
      { name: 'minute', requests: 1, window: '1m' },
      { name: 'day', requests: 1, window: '1d', algorithm: 'sliding_window' },
      { name: 'month', requests: 1, window: '1mo' },
    ),
    makePlan('trial', { name: 'uses', requests: 1, algorithm: 'credits' }),
    makePlan('basic', { name: 'week', requests: 1, window: '7d', algorithm: 'fixed_window' }),
    makePlan('open', { name: 'unlimited', algorithm: 'unlimited' }),
  ];
  const warnings: { limits: readonly string[]; further_limits: number; stores: readonly string[] }[] = [];
  const counters = { forgetfulStores: ['memory'] };
  const rules = { book: makeBook('shop', '[]') };
  const log = { warn: (fields: object) => void warnings.push(fields as (typeof warnings)[number]) };
  const check = createCheck({ counters, rules, catalog: { plans: () => plans }, log });
  return { plans, warnings, counters, rules, check };
}

it('names the long limits of plans and rules that have no checkpoints, once', () => {
  const { warnings, rules, check } = open();
  const nested = '{key: a, value: x, descriptors: [{key: b, rate_limit: {requests: 1, window: 30d}}]}';
  const limits =
    '[{requests: 1, window: 1m}, {name: bucket, requests: 1, window: 2d, algorithm: token_bucket, burst: 1}]';
  rules.book = makeBook('shop', `[${nested}, {key: c, limits: ${limits}}, {key: d, rate_limit: {unlimited: true}}]`);
  check();
  expect(warnings).toEqual([
    {
      limits: ['plans/free/day', 'plans/basic/week', 'shop.a_x.b', 'shop.c/bucket'],
      further_limits: 0,
      stores: ['memory'],
    },
  ]);
  check();
  expect(warnings).toHaveLength(1);
});

it('names limits of plans and rules that come later, and only those', () => {
  const { plans, warnings, rules, check } = open();
  check();
  plans.push(makePlan('business', { name: 'month', requests: 1, window: '30d', algorithm: 'sliding_window' }));
  check();
  rules.book = makeBook('shop', '[{key: a, rate_limit: {requests: 1, window: 1d}}]');
  check();
  expect(warnings.slice(1).map(({ limits }) => limits)).toEqual([['plans/business/month'], ['shop.a']]);
});

it('is silent while no store is known to forget', () => {
  const { warnings, counters, check } = open();
  counters.forgetfulStores = [];
  check();
  expect(warnings).toEqual([]);
  counters.forgetfulStores = ['127.0.0.1:6379'];
  check();
  expect(warnings).toMatchObject([{ stores: ['127.0.0.1:6379'] }]);
});

it('is bounded in length', () => {
  const { plans, warnings, rules, check } = open();
  for (let i = 0; i < 500; i++)
    plans.push(makePlan(`p${i}`, { name: 'day', requests: 1, window: '1d', algorithm: 'fixed_window' }));
  rules.book = makeBook('shop', `[{key: ${'k'.repeat(5000)}, rate_limit: {requests: 1, window: 1d}}]`);
  check();
  expect(warnings).toMatchObject([{ further_limits: 483 }]);
  expect(JSON.stringify(warnings).length).toBeLessThan(4000);
});

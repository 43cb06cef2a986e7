import { expect, it } from 'vitest';
import type { LimitStatus } from '../../../domain/limits/limit-status.ts';
import { labelRule, RuleHitTally } from './ratelimit-metrics.ts';

it.each([
  ['shop.path', { domain: 'shop', key1: 'path' }],
  ['shop.path_/v1.user', { domain: 'shop', key1: 'path_/v1', key2: 'user' }],
  ['shop.a.b.c', { domain: 'shop', key1: 'a', key2: 'b' }],
  ['shop.addr_10.0.0.1.b|c:d', { domain: 'shop', key1: 'addr_10_0_0_1', key2: 'b_c_d' }],
])('labels the rule %s as the mapper of envoyproxy/ratelimit does', (name, labels) => {
  expect(labelRule(name)).toEqual(labels);
});

function createStatus(remaining: number, exceeded = false): LimitStatus {
  const limit = { name: '1m', algorithm: 'fixed_window', identity: '1m/f60', requests: 10, windowSeconds: 60 } as const;
  const label = 'shop.path';
  return { limit, remaining, exceeded, rule: label, label, resetSeconds: 1, retryAfterSeconds: undefined };
}

it('counts hits within, near and over a limit', () => {
  const tally = new RuleHitTally(0.8);
  const count = (status: LimitStatus, hits: number, mode?: 'shadow') =>
    tally.count([{ overLimit: status.exceeded, status, hits, metricName: 'shop.path', mode }], false);
  count(createStatus(3), 7);
  count(createStatus(0), 3); // from 7 to 10: two of them above 8
  count(createStatus(0, true), 4);
  count(createStatus(0, true), 1, 'shadow');
  const read = (name: Parameters<RuleHitTally['read']>[0]) => [...tally.read(name)].map(({ count }) => count);
  expect(read('total_hits')).toEqual([15]);
  expect(read('within_limit')).toEqual([10]);
  expect(read('near_limit')).toEqual([2]);
  expect(read('over_limit')).toEqual([5]);
  expect(read('shadow_mode')).toEqual([1]);
});

it('bounds the number of rules', () => {
  const tally = new RuleHitTally(0.8);
  for (let index = 0; index < 10_010; index++) {
    tally.count([{ overLimit: false, status: createStatus(9), hits: 1, metricName: `shop.user_${index}` }], false);
  }
  const counts = [...tally.read('total_hits')];
  expect(counts).toHaveLength(10_001);
  expect(counts.at(-1)).toEqual({ labels: { domain: 'other', key1: 'other' }, count: 10 });
});

import { expect, it } from 'vitest';
import { describeLimitOptions } from './describe-limit-options.ts';

it('says nothing about a limit with the default in every field', () => {
  expect(describeLimitOptions({ requests: 5, window: '60s', onStoreFailure: 'local', anchorDay: 1 })).toEqual([]);
});

it('names each field that differs from its default', () => {
  const limit = {
    routes: ['search', 'export'],
    anchorDay: 15,
    notifyAt: [80, 100],
    lease: true,
    settle: true,
    chargeRejected: true,
    onStoreFailure: 'allow_uncounted',
    metadataKey: 'monthly',
  };
  expect(describeLimitOptions(limit)).toEqual([
    'only on search, export',
    'months start on day 15',
    'events at 80%, 100%',
    'leased by nodes',
    'settled by receipts',
    'charges rejected requests',
    'without counters: allow uncounted',
    'published as monthly',
  ]);
});

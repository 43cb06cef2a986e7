import { describe, expect, it } from 'vitest';
import type { LimitJson } from '../../generated/weir/admin/v1/limit_pb.js';
import { toLimit, toLimitForm } from './limit-form.ts';

/** A limit with a value in every field. */
const LIMIT: Required<LimitJson> = {
  name: 'month',
  requests: 1000,
  window: '1mo',
  algorithm: 'calendar',
  burst: 20,
  blockFor: '30s',
  lease: true,
  onStoreFailure: 'deny',
  timeZone: 'Europe/Berlin',
  anchorDay: 15,
  routes: ['search', 'export'],
  per: 'account',
  settle: true,
  chargeRejected: true,
  notifyAt: [80, 100],
  metadataKey: 'monthly',
};

describe('toLimit', () => {
  it('keeps every field of a limit that passes through a form', () => {
    expect(toLimit(toLimitForm(LIMIT))).toEqual(LIMIT);
  });

  it('leaves numbers out that are not typed, because 0 means something else', () => {
    const limit = toLimit(toLimitForm({ name: 'unlimited', algorithm: 'unlimited' }));
    expect(limit).not.toHaveProperty('requests');
    expect(limit).not.toHaveProperty('burst');
    expect(limit).not.toHaveProperty('anchorDay');
  });

  it('reads shares between commas and spaces', () => {
    expect(toLimit({ ...toLimitForm({}), notifyAt: ' 50,80  100' }).notifyAt).toEqual([50, 80, 100]);
  });
});

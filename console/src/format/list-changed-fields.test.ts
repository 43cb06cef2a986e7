import { expect, it } from 'vitest';
import { listChangedFields } from './list-changed-fields.ts';

it('names the fields that differ, also within lists', () => {
  const before = { displayName: 'CI', plan: '', limits: [{ name: 'a', requests: '5' }] };
  expect(listChangedFields(before, { ...before })).toEqual([]);
  expect(listChangedFields(before, { ...before, plan: 'plans/pro', limits: [{ name: 'a', requests: '6' }] })).toEqual([
    ...['plan', 'limits'],
  ]);
});

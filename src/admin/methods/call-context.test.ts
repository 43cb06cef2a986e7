import { expect, it } from 'vitest';
import { readCallContext } from './call-context.ts';

it.each([
  [[], undefined],
  [['Bearer a'], 'Bearer a'],
  [['Bearer a', 'Bearer b'], 'Bearer a, Bearer b'],
])('reads the headers authorization %j as %j', (values, expected) => {
  const readHeader = (name: string) => (name === 'authorization' ? values : []);
  const options = { trustedProxies: [], deviceHeader: undefined };
  expect(readCallContext({ peer: '127.0.0.1', readHeader }, options).authorization).toBe(expected);
});

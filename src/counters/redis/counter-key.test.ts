import { expect, it } from 'vitest';
import { subjectOf } from '../../core/counter-key.ts';
import type { Limit } from '../../core/limit.ts';
import { counterKey, virtualTag } from './counter-key.ts';

const limit: Limit = {
  name: 'burst',
  algorithm: 'sliding_window',
  requests: 5,
  windowSeconds: 60,
  identity: 'burst/sliding_window/60',
};

it('names the deployment, the version, the virtual tag, the limit and the subject', () => {
  const subject = subjectOf('api_key', 'a|b');
  expect(counterKey('weir', { subject, limit, hits: 1 })).toMatch(
    /^weir:1:\{\d{1,2}\}:burst\/sliding_window\/60\|api_key\|a%7Cb$/,
  );
});

it('has the tag between the first braces, whatever the subject holds', () => {
  const key = counterKey('weir', { subject: '{x}', limit, hits: 1 });
  expect(/\{(.*?)\}/.exec(key)?.[1]).toBe(`${virtualTag('{x}')}`);
});

it('keeps each subject on its tag for good: nodes of all versions count on the same key', () => {
  expect(['', 'api_key|1', 'api_key|2', 'é'].map(virtualTag)).toEqual([5, 32, 25, 4]);
});

it('spreads subjects evenly over 64 tags', () => {
  const counts = new Map<number, number>();
  for (let i = 0; i < 64_000; i++) {
    const tag = virtualTag(`api_key|${i}`);
    counts.set(tag, (counts.get(tag) ?? 0) + 1);
  }
  expect(counts.size).toBe(64);
  expect(Math.max(...counts.values())).toBeLessThan(1300);
});

import { describe, expect, it } from 'vitest';
import { formatSubject } from '../../../domain/counting/counter-subject.ts';
import { computeVirtualTag, formatCounterKey, formatUsedReceiptKey } from './counter-key.ts';

describe('the key of a subject', () => {
  it('names the deployment, the version, the virtual tag and the subject', () => {
    expect(formatCounterKey('weir', formatSubject('api_key', 'a|b'))).toMatch(/^weir:1:\{\d{1,2}\}:api_key\|a%7Cb$/);
  });

  it('has the tag between its first braces, even if the subject contains braces', () => {
    const key = formatCounterKey('weir', '{x}');
    expect(/\{(.*?)\}/.exec(key)?.[1]).toBe(`${computeVirtualTag('{x}')}`);
  });
});

it('records a used receipt in the slot of the counters with the same tag', () => {
  expect(formatUsedReceiptKey('weir', 7, 'abc')).toBe('weir:1:{7}:given-back|abc');
});

describe('the virtual tag of a subject', () => {
  it('never changes, so that nodes of all versions count on the same key', () => {
    expect(['', 'api_key|1', 'api_key|2', 'é'].map(computeVirtualTag)).toEqual([5, 32, 25, 4]);
  });

  it('spreads subjects evenly over 64 tags', () => {
    const counts = new Map<number, number>();
    for (let i = 0; i < 64_000; i++) {
      const tag = computeVirtualTag(`api_key|${i}`);
      counts.set(tag, (counts.get(tag) ?? 0) + 1);
    }
    expect(counts.size).toBe(64);
    expect(Math.max(...counts.values())).toBeLessThan(1300);
  });
});

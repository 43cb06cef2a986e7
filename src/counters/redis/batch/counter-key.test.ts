import { describe, expect, it } from 'vitest';
import { formatSubject } from '../../../domain/counting/counter-subject.ts';
import { computeVirtualTag, formatCounterKey, formatUsedIdKey, parseCounterKey } from './counter-key.ts';

describe('the key of a subject', () => {
  it('names the deployment, the version, the virtual tag and the subject', () => {
    expect(formatCounterKey('weir', formatSubject('api_key', 'a|b'))).toMatch(/^weir:1:\{\d{1,2}\}:api_key\|a%7Cb$/);
  });

  it('has the tag between its first braces, even if the subject contains braces', () => {
    const key = formatCounterKey('weir', '{x}');
    expect(/\{(.*?)\}/.exec(key)?.[1]).toBe(`${computeVirtualTag('{x}')}`);
  });

  it('has at most 600 characters, and differs for long subjects that differ anywhere', () => {
    const long = formatSubject('rule', 'shop', 'path', 'x'.repeat(60_000));
    const key = formatCounterKey('weir', long);
    expect(key.length).toBeLessThan(600);
    for (const other of [`${long}x`, `${long.slice(0, -1)}y`, `y${long.slice(1)}`]) {
      expect(formatCounterKey('weir', other)).not.toBe(key);
    }
  });

  it('is never that of a long subject for a short one that imitates it', () => {
    const long = formatSubject('rule', 'shop', 'path', 'x'.repeat(1_000));
    const [, , , value = ''] = formatCounterKey('weir', long).split('|');
    expect(formatCounterKey('weir', formatSubject('rule', 'shop', 'path', value))).not.toContain(value);
  });

  it('yields the subject again, or the start of a long one', () => {
    for (const subject of [formatSubject('key', 'a|b%#'), 'key|']) {
      expect(parseCounterKey('weir', formatCounterKey('weir', subject))).toBe(subject);
    }
    const long = formatSubject('rule', 'shop', 'path', 'x'.repeat(1_000));
    expect(parseCounterKey('weir', formatCounterKey('weir', long))).toBe(long.slice(0, 128));
    expect(parseCounterKey('weir', 'someone:else')).toBeUndefined();
  });
});

it('records a used receipt in the slot of the counters with the same tag', () => {
  expect(formatUsedIdKey('weir', 7, 'abc')).toBe('weir:1:{7}:given-back|abc');
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

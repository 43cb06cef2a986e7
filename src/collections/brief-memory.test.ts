import { expect, test } from 'vitest';
import { BriefMemory } from './brief-memory.ts';

test('a value is remembered until its time has passed, and the time begins again with a new value', () => {
  const memory = new BriefMemory<string>(250, 10);
  memory.remember('a', 'first', 1_000);
  expect(memory.recall('a', 1_249)).toBe('first');
  expect(memory.recall('b', 1_249)).toBeUndefined();
  memory.remember('a', 'second', 1_249);
  expect(memory.recall('a', 1_498)).toBe('second');
  expect(memory.recall('a', 1_499)).toBeUndefined();
});

test('a full memory forgets everything', () => {
  const memory = new BriefMemory<number>(250, 2);
  for (const [value, key] of ['a', 'b', 'c'].entries()) memory.remember(key, value, 0);
  expect(['a', 'b', 'c'].map((key) => memory.recall(key, 1))).toEqual([undefined, undefined, 2]);
});

import { expect, it } from 'vitest';
import { GenerationalMap } from './generational-map.ts';

it('keeps an entry for one rotation and drops it with the second', () => {
  const map = new GenerationalMap<string, number>();
  map.set('a', 1);
  expect([map.getYoung('a'), map.getOld('a')]).toEqual([1, undefined]);
  map.rotate();
  expect([map.getYoung('a'), map.getOld('a'), map.get('a')]).toEqual([undefined, 1, 1]);
  map.rotate();
  expect(map.get('a')).toBeUndefined();
});

it('keeps an entry that is set again before each rotation', () => {
  const map = new GenerationalMap<string, number>();
  for (let value = 0; value < 5; value++) {
    map.set('a', value);
    map.rotate();
    expect(map.get('a')).toBe(value);
  }
});

it('prefers the young value of a key that is in both generations', () => {
  const map = new GenerationalMap<string, number>();
  map.set('a', 1);
  map.rotate();
  map.set('a', 2);
  expect([map.get('a'), map.getOld('a'), map.size, map.youngSize]).toEqual([2, 1, 2, 1]);
});

it('deletes a key from both generations, and clears both', () => {
  const map = new GenerationalMap<string, number>();
  map.set('a', 1);
  map.set('b', 1);
  map.rotate();
  map.set('a', 2);
  map.delete('a');
  expect([map.get('a'), map.get('b'), map.size]).toEqual([undefined, 1, 1]);
  map.set('c', 3);
  map.clear();
  expect([map.get('b'), map.get('c'), map.size]).toEqual([undefined, undefined, 0]);
});

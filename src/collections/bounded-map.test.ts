import { describe, expect, it } from 'vitest';
import { BoundedMap } from './bounded-map.ts';

describe.each(['clear', 'keep'] as const)('a bounded map that says %s', (whenFull) => {
  it('holds entries up to its size', () => {
    const map = new BoundedMap<string, number>(2, whenFull).set('a', 1).set('b', 2);
    expect([...map]).toEqual([
      ['a', 1],
      ['b', 2],
    ]);
  });

  it('replaces the value of a key that is present, also when it is full', () => {
    const map = new BoundedMap<string, number>(2, whenFull).set('a', 1).set('b', 2).set('a', 3);
    expect([map.size, map.get('a'), map.get('b')]).toEqual([2, 3, 2]);
  });
});

it('drops all entries for a new key when it is full, if it says clear', () => {
  const map = new BoundedMap<string, number>(2, 'clear').set('a', 1).set('b', 2).set('c', 3);
  expect([...map]).toEqual([['c', 3]]);
});

it('ignores a new key when it is full, if it says keep', () => {
  const map = new BoundedMap<string, number>(2, 'keep').set('a', 1).set('b', 2).set('c', 3);
  expect([...map.keys()]).toEqual(['a', 'b']);
  map.delete('a');
  map.set('c', 3);
  expect([...map.keys()]).toEqual(['b', 'c']);
});

import { describe, expect, it } from 'vitest';
import { FairTurns } from './fair-turns.ts';

function takeAll(turns: FairTurns<string>): readonly string[] {
  const taken: string[] = [];
  while (!turns.isEmpty) taken.push(turns.takeNext() ?? 'nothing');
  return taken;
}

describe('turns', () => {
  it('alternate between keys, the latest first, and within a key follow the order of arrival', () => {
    const turns = new FairTurns<string>(10);
    for (const item of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) turns.add(item.slice(0, 1), item);
    expect(takeAll(turns)).toEqual(['c1', 'b1', 'a1', 'b2', 'a2', 'a3']);
    expect(turns.takeNext()).toBeUndefined();
  });

  it('come at once to a key that had none, however many others wait', () => {
    const turns = new FairTurns<string>(10);
    for (const key of ['a', 'b', 'c']) for (const item of ['1', '2']) turns.add(key, key + item);
    for (let turn = 0; turn < 3; turn++) turns.takeNext();
    turns.add('new', 'new1');
    turns.add('new', 'new2');
    expect(takeAll(turns)).toEqual(['new1', 'c2', 'b2', 'a2', 'new2']);
  });

  it('do not come to what was removed', () => {
    const turns = new FairTurns<string>(10);
    turns.add('a', 'a1');
    turns.add('a', 'a2');
    turns.add('b', 'b1');
    turns.remove('a', 'a1');
    turns.remove('b', 'b1');
    turns.remove('b', 'b1');
    expect(takeAll(turns)).toEqual(['a2']);
  });

  it('are remembered for a bounded number of keys, the latest ones', () => {
    const turns = new FairTurns<string>(2);
    for (const key of ['a', 'b', 'c', 'a', 'b']) {
      turns.add(key, key);
      turns.takeNext();
    }
    for (const key of ['b', 'a', 'c']) turns.add(key, key);
    expect(takeAll(turns)).toEqual(['c', 'a', 'b']);
  });
});

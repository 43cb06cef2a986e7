import { describe, expect, it } from 'vitest';
import { TurnQueue } from './turn-queue.ts';

function fill(items: readonly string[]): TurnQueue<string> {
  const queue = new TurnQueue<string>();
  for (const item of items) queue.add(item.charAt(0), item);
  return queue;
}

function drain(queue: TurnQueue<string>): string[] {
  const taken: string[] = [];
  for (let item = queue.takeNext(); item !== undefined; item = queue.takeNext()) taken.push(item);
  return taken;
}

describe('a queue of turns', () => {
  it('alternates between groups, and keeps the order within a group', () => {
    const queue = fill(['a1', 'a2', 'a3', 'b1', 'c1', 'c2']);
    expect(drain(queue)).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3']);
    expect(queue.isEmpty).toBe(true);
  });

  it('gives a new group a turn before a group that has had one has its next', () => {
    const queue = fill(['a1', 'a2', 'a3']);
    queue.takeNext();
    queue.add('b', 'b1');
    expect(drain(queue)).toEqual(['a2', 'b1', 'a3']);
  });

  it('forgets removed items, and a group with its last one', () => {
    const queue = fill(['a1', 'a2', 'b1']);
    for (const item of ['a1', 'b1', 'b2']) queue.remove(item.charAt(0), item);
    expect(drain(queue)).toEqual(['a2']);
    queue.add('a', 'a1');
    queue.remove('a', 'a1');
    expect(queue.isEmpty).toBe(true);
  });
});

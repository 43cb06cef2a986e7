import { describe, expect, it } from 'vitest';
import { FairQueue } from './fair-queue.ts';
import { TrackRecord } from './track-record.ts';

/** Asks for turns as `lane/sender`, and returns them in the order in which they were given out. */
async function takeTurns(requests: readonly string[], weight = 1, isFailure = (_: string) => false): Promise<string[]> {
  const queue = new FairQueue();
  const order: string[] = [];
  const first = { lane: 'first', sender: '', weight: 0 };
  await queue.acquire(first);
  const waiting = requests.map(async (text) => {
    const [lane = '', sender = ''] = text.split('/');
    const request = { lane, sender, weight };
    if (!(await queue.acquire(request))) return;
    order.push(text);
    queue.release(request, isFailure(text));
  });
  queue.release(first, false);
  await Promise.all(waiting);
  return order;
}

const repeat = (text: string, times: number) => Array.from({ length: times }, () => text);

describe('turns', () => {
  it('alternate between the senders of a lane', async () => {
    expect(await takeTurns(['a/1', 'a/1', 'a/1', 'a/2', 'a/2'])).toEqual(['a/1', 'a/2', 'a/1', 'a/2', 'a/1']);
  });

  it('alternate between lanes, however many senders one of them has', async () => {
    const crowd = Array.from({ length: 9 }, (_, sender) => `crowd/${sender}`);
    expect((await takeTurns([...crowd, 'own/1', 'own/1'])).map((turn) => turn.startsWith('own'))).toEqual([
      ...[false, true, false, true],
      ...repeat('', 7).map(() => false),
    ]);
  });

  it('of a lane pause after failures, and those of other lanes do not', async () => {
    const order = await takeTurns([...repeat('forgeries/1', 8), ...repeat('own/1', 20)], 1, (turn) =>
      turn.startsWith('forgeries'),
    );
    expect(order).toHaveLength(28);
    // The fourth failure in a row makes the lane pause.
    expect(order.indexOf('forgeries/1', order.lastIndexOf('own/1'))).toBe(order.lastIndexOf('own/1') + 1);
  });

  it('are refused to the sender with the most waiters when a lane is full', async () => {
    const order = await takeTurns([...repeat('a/greedy', 30), 'a/modest', 'b/other'], 128 * 1024);
    expect(order).toContain('a/modest');
    expect(order).toContain('b/other');
    expect(order.filter((turn) => turn === 'a/greedy')).toHaveLength(15);
  });
});

describe('a track record', () => {
  it('is good from the first good token on, and no longer after seven bad ones in a row', () => {
    const record = new TrackRecord();
    record.record('sender', false);
    expect(record.isMostlyGood('sender')).toBe(false);
    record.record('sender', true);
    expect(record.isMostlyGood('sender')).toBe(true);
    for (let time = 0; time < 6; time++) record.record('sender', false);
    expect(record.isMostlyGood('sender')).toBe(true);
    record.record('sender', false);
    expect(record.isMostlyGood('sender')).toBe(false);
    for (let time = 0; time < 7; time++) record.record('sender', true);
    expect(record.isMostlyGood('sender')).toBe(true);
  });

  it('is kept for the names that were used lately, and for a bounded number of them', () => {
    const record = new TrackRecord();
    record.record('old', true);
    record.record('used', true);
    for (let name = 0; name < 40_000; name++) {
      if (name % 1_000 === 0) record.record('used', true);
      record.record(`${name}`, true);
    }
    expect(record.isMostlyGood('used')).toBe(true);
    expect(record.isMostlyGood('old')).toBe(false);
  });
});

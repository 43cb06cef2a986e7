import { expect, it } from 'vitest';
import type { CountedLimit } from '../../domain/limits/limit.ts';
import { KnownCounters } from './known-counters.ts';

function makeLimit(index: number): CountedLimit {
  return { name: 'w', identity: `w${index}/s60`, algorithm: 'sliding_window', requests: 5, windowSeconds: 60 };
}

it('counts all counters of a subject that is asked about again', () => {
  const limits = Array.from({ length: 50 }, (_, index) => makeLimit(index));
  const [limit = makeLimit(0)] = limits;
  const counters = new KnownCounters();
  const forgotten = counters.find('forgotten', limit);
  const addSubjects = () => {
    for (let index = 0; index < 1100; index++) for (const each of limits) counters.find(`subject ${index}`, each);
  };
  addSubjects(); // 55,000 counters: ends the first generation
  addSubjects(); // ends the second
  expect(counters.find('forgotten', limit)).not.toBe(forgotten);
});

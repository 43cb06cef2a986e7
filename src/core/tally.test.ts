import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { charge, emptyTally, type Tally, type Term, timeOf, usedAt } from './tally.ts';

const START = 1_773_490_800_000_000;
const WINDOW = 16_000_000;
const EXACT: Term = { resolution: 1, life: WINDOW };
const SUB_BUCKETS: Term = { resolution: WINDOW / 16, life: WINDOW + WINDOW / 16 };

function chargeAt(tally: Tally, term: Term, clock: number, hits: number): void {
  charge(tally, term, timeOf(tally, term, clock), hits);
}

describe('a counter whose limit changes between exact times and sub-buckets', () => {
  it('forgets no hit before its window is over, and keeps none longer than a sub-bucket more', () => {
    const step = fc.record({
      wait: fc.integer({ min: 0, max: WINDOW / 2 }),
      term: fc.constantFrom(EXACT, SUB_BUCKETS),
      hits: fc.integer({ min: 1, max: 9 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const tally = emptyTally();
        const made: { time: number; hits: number }[] = [];
        const within = (length: number, now: number) =>
          made.reduce((sum, { time, hits }) => (time > now - length ? sum + hits : sum), 0);
        let now = START;
        for (const { wait, term, hits } of steps) {
          now += wait;
          chargeAt(tally, term, now, hits);
          made.push({ time: now, hits });
          expect(usedAt(tally, now)).toBeGreaterThanOrEqual(within(WINDOW, now));
          expect(usedAt(tally, now)).toBeLessThanOrEqual(within(WINDOW + WINDOW / 16, now));
          expect(tally.ends).toEqual([...tally.ends].sort((a, b) => a - b));
        }
      }),
      { numRuns: 10_000 },
    );
  });
});

describe("a counter's time", () => {
  it('is the clock while that goes on', () => {
    const tally = emptyTally();
    chargeAt(tally, EXACT, START, 1);
    expect(timeOf(tally, EXACT, START + 5)).toBe(START + 5);
  });

  it('stands while the clock is set back by up to a sixteenth of the window', () => {
    const tally = emptyTally();
    chargeAt(tally, EXACT, START, 1);
    expect(timeOf(tally, EXACT, START - WINDOW / 16)).toBe(START);
  });

  it.each([EXACT, SUB_BUCKETS])('follows a larger step back, all hits counted as made then: %o', (term) => {
    const tally = emptyTally();
    chargeAt(tally, term, START - 5_000_000, 2);
    chargeAt(tally, term, START, 3);
    const before = START - 86_400_000_000;
    expect(timeOf(tally, term, before)).toBe(before);
    expect(usedAt(tally, before)).toBe(5);
    expect(usedAt(tally, before + term.life - 1)).toBeLessThanOrEqual(5);
    expect(usedAt(tally, before + term.life)).toBe(0);
  });
});

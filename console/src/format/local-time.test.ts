import { expect, it } from 'vitest';
import { fromLocalInput, toLocalInput } from './local-time.ts';

it('returns the same time after it was written for an input and read from it', () => {
  expect(fromLocalInput(toLocalInput('2030-01-31T10:20:30Z'))).toBe('2030-01-31T10:20:30.000Z');
  expect(fromLocalInput(toLocalInput('2030-07-31T23:59:59.500Z'))).toBe('2030-07-31T23:59:59.000Z');
});

it('reads nothing from an empty or unfinished input', () => {
  expect(toLocalInput(undefined)).toBe('');
  expect(['', 'tomorrow'].map(fromLocalInput)).toEqual([undefined, undefined]);
});

import { expect, it } from 'vitest';
import { readLines, writeLines } from './lines.ts';

it('reads one value per line, without spaces around it and without empty lines', () => {
  expect(readLines(' a \n\nb c\r\n')).toEqual(['a', 'b c']);
  expect(readLines(writeLines(['a', 'b']))).toEqual(['a', 'b']);
  expect(readLines(writeLines(undefined))).toEqual([]);
});

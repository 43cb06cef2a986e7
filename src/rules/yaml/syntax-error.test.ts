import { describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { findSyntaxError } from './syntax-error.ts';

const ITEM =
  '  - key: tenant\n    value: "a b"\n    descriptors:\n      - {key: path, limits: [{requests: 5, window: 1m}]}\n';
const START = 'domain: a\ndescriptors:\n';
const ITEMS = ITEM.repeat(800);

/** The first syntax error of the whole text. */
function findInWhole(text: string) {
  const error = parseDocument(text, { prettyErrors: false }).errors.find(({ code }) => code !== 'DUPLICATE_KEY');
  return error && { offset: error.pos[0], message: error.message };
}

describe('the first syntax error of a large text', () => {
  it.each([
    ['a bracket that is not closed', '  - key: [a\n'],
    ['a bracket that is not opened', '  - key: [a]]\n'],
    ['a brace that is not closed', '  - {key: a\n'],
    ['a quote that is not closed', '  - key: "a\n'],
    ['text after a quoted value', '  - key: "a" b\n'],
    ['a line that is not indented enough', '   key: a\n'],
    ['a line without a colon', '  - key: a\n    value\n'],
    ['two colons in a line', '  - key: a: b\n'],
    ['a tab in the indentation', '  -\tkey: a\n\t value: b\n'],
    ['a character that no value starts with', '  - key: @a\n'],
    ['an unknown escape', '  - key: "\\q"\n'],
    ['a field twice before it', '  - key: a\n    key: b\n  - key: [a\n'],
    ['a nested sequence', '  - - - key: a\n    - key: [a\n'],
  ])('is the one that the whole text has: %s', (_, fault) => {
    for (const text of [
      `${START}${ITEMS}${fault}${ITEMS}`,
      `${START}${fault}${ITEMS}${ITEMS}`,
      `${START}${ITEMS}${ITEMS}${fault}`,
      `\ufeff# rules\n${START}${ITEMS}other:\n  - a\n${fault}${ITEMS}`,
      `${START}${ITEMS}${fault}${ITEMS}`.replaceAll('\n', '\r\n'),
    ]) {
      const error = findSyntaxError(text);
      expect(error).toBeDefined();
      expect(error).toEqual(findInWhole(text));
    }
  });

  it('is the one that the whole text has, in a sequence of one item with many', () => {
    const nested = ITEMS.replaceAll(/^/gm, '    ').trimEnd();
    const text = `${START}  - key: a\n    descriptors:\n${nested}\n      - key: [a\n${nested}\n`;
    expect(findSyntaxError(text)).toEqual(findInWhole(text));
    expect(findSyntaxError(text)).toBeDefined();
  });

  it.each([
    ['has none', ''],
    ['has a field twice', '  - key: a\n    key: b\n'],
    ['has an alias', '  - &a {key: a}\n  - *a\n  - key: [a\n'],
    ['has two documents', '---\na: b\n'],
    ['is nested too deep', `  - ${'['.repeat(20_000)}\n`],
  ])('is not known for a text that %s', (_, fault) => {
    expect(findSyntaxError(`${START}${ITEMS}${fault}${ITEMS}`)).toBeUndefined();
  });

  it('is not known for a small text', () => {
    expect(findSyntaxError(`${START}  - key: [a\n${ITEM}`)).toBeUndefined();
  });
});

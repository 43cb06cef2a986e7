import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editedYaml } from '../../../test/support/edited-yaml.ts';
import { parseFastYaml } from './fast-yaml.ts';
import { YamlDocument } from './yaml-document.ts';
import { TypedScalar } from './yaml-values.ts';

/** What YamlDocument reads; undefined if the text has faults. */
function parseWithPositions(text: string) {
  const document = new YamlDocument('f.yaml', text, 'must be a mapping');
  return document.count === 0 ? document.contents : undefined;
}

describe('the fast YAML parser and YamlDocument', () => {
  it.each([
    ['yes', 'yes'],
    ['on', 'on'],
    ['true', new TypedScalar(true, 'true')],
    ['FALSE', new TypedScalar(false, 'FALSE')],
    ['tRue', 'tRue'],
    ['null', null],
    ['~', null],
    ['', null],
    ['nULL', 'nULL'],
    ['"null"', 'null'],
    ["'5'", '5'],
    ['5', new TypedScalar(5, '5')],
    ['+5', new TypedScalar(5, '+5')],
    ['-0', new TypedScalar(-0, '-0')],
    ['010', new TypedScalar(10, '010')],
    ['0o17', new TypedScalar(15, '0o17')],
    ['0o8', '0o8'],
    ['0x1F', new TypedScalar(31, '0x1F')],
    ['-0x1F', '-0x1F'],
    ['0b11', '0b11'],
    ['1_000', '1_000'],
    ['190:20:30', '190:20:30'],
    ['1e3', new TypedScalar(1000, '1e3')],
    ['1.', new TypedScalar(1, '1.')],
    ['.5', new TypedScalar(0.5, '.5')],
    ['.', '.'],
    ['+.inf', new TypedScalar(Number.POSITIVE_INFINITY, '+.inf')],
    ['-.INF', new TypedScalar(Number.NEGATIVE_INFINITY, '-.INF')],
    ['.NaN', new TypedScalar(Number.NaN, '.NaN')],
    ['-.nan', '-.nan'],
    ['9007199254740993', new TypedScalar(9007199254740992, '9007199254740993')],
    ['1.10', new TypedScalar(1.1, '1.10')],
    ['2026-11-21', '2026-11-21'],
    ['2026-11-21T10:00:00Z', '2026-11-21T10:00:00Z'],
    ['<<', '<<'],
    ['=', '='],
    ['a:b#c', 'a:b#c'],
    ['a # b', 'a'],
    ['"a\\x41\\n"', 'aA\n'],
    ["'it''s'", "it's"],
    ['>-\n  a\n  b', 'a b'],
    ['|\n  a\n   b\n', 'a\n b\n'],
    ['a\n  b', 'a b'],
    ['[a, 1, {b: ~}]', ['a', new TypedScalar(1, '1'), { b: null }]],
    ['&anchor a', 'a'],
  ])('read the same value from %s', (source, value) => {
    const text = `value: ${source}\n`;
    expect(parseWithPositions(text)).toEqual({ value });
    expect(parseFastYaml(text)).toEqual({ value });
  });

  it('read the same from any text that both accept', () => {
    let acceptedByBoth = 0;
    fc.assert(
      fc.property(editedYaml(), (text) => {
        const fast = parseFastYaml(text);
        const withPositions = parseWithPositions(text);
        if (fast === undefined || withPositions === undefined) return;
        // A mapping as the name of a field: each parser makes another string of it, and no field has either name.
        if (JSON.stringify(fast).includes('[object Object]')) return;
        acceptedByBoth++;
        expect(fast).toEqual(withPositions);
      }),
      { numRuns: 3000 },
    );
    expect(acceptedByBoth).toBeGreaterThan(100);
  });
});

describe('the fast YAML parser', () => {
  it.each([
    ['a field twice', 'a: 1\na: 2\n'],
    ['a field twice in a flow mapping', 'a: {b: 1, b: 2}\n'],
    ['an alias', 'a: &x 1\nb: *x\n'],
    ['an alias right after a comma', 'a: [&x b,*x]\n'],
    ['a merged mapping', 'a: &x {b: 1}\nc: {<<: *x}\n'],
    ['a sequence as the name of a field', '[a]: 1\n'],
    ['a sequence as the name of a field in a flow mapping', 'a: {[b], c: d}\n'],
    ['a block sequence as the name of a field', '? - a\n: 1\n'],
    ['an unknown tag', 'a: !secret 1\n'],
    ['two documents', 'a: 1\n---\nb: 2\n'],
    ['a tab in the indentation next to a block scalar', 'a:\n  - b: |\n      \t\n\n      c:\n'],
    ['a control character', 'a: "\u0001"\n'],
    ['an empty text', ''],
    ['a sequence at the top', '- a\n'],
    ['10,000 levels of nesting', '['.repeat(10_000)],
    ['an unclosed quote', 'a: "b\n'],
  ])('leaves a text to YamlDocument that has %s', (_, text) => {
    expect(parseFastYaml(text)).toBeUndefined();
  });

  it('reads a flow mapping and a quoted scalar that continue on lines indented by tabs', () => {
    expect(parseFastYaml('a: {\n\tb: "x\n\ty"\n\t}\n')).toEqual({ a: { b: 'x y' } });
  });
});

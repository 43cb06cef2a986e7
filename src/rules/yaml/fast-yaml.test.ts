import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseFastYaml } from './fast-yaml.ts';
import { YamlDocument } from './yaml-document.ts';
import { PlainScalar } from './yaml-values.ts';

/** What the reader that knows places says of a text that is without fault. */
function readWithPlaces(text: string) {
  const document = new YamlDocument('f.yaml', text, 'must be a map');
  return document.count === 0 ? document.contents : undefined;
}

describe('a file is read quickly', () => {
  it.each([
    ['yes', 'yes'],
    ['on', 'on'],
    ['true', new PlainScalar(true, 'true')],
    ['FALSE', new PlainScalar(false, 'FALSE')],
    ['tRue', 'tRue'],
    ['null', null],
    ['~', null],
    ['', null],
    ['nULL', 'nULL'],
    ['"null"', 'null'],
    ["'5'", '5'],
    ['5', new PlainScalar(5, '5')],
    ['+5', new PlainScalar(5, '+5')],
    ['-0', new PlainScalar(-0, '-0')],
    ['010', new PlainScalar(10, '010')],
    ['0o17', new PlainScalar(15, '0o17')],
    ['0o8', '0o8'],
    ['0x1F', new PlainScalar(31, '0x1F')],
    ['-0x1F', '-0x1F'],
    ['0b11', '0b11'],
    ['1_000', '1_000'],
    ['190:20:30', '190:20:30'],
    ['1e3', new PlainScalar(1000, '1e3')],
    ['1.', new PlainScalar(1, '1.')],
    ['.5', new PlainScalar(0.5, '.5')],
    ['.', '.'],
    ['+.inf', new PlainScalar(Number.POSITIVE_INFINITY, '+.inf')],
    ['-.INF', new PlainScalar(Number.NEGATIVE_INFINITY, '-.INF')],
    ['.NaN', new PlainScalar(Number.NaN, '.NaN')],
    ['-.nan', '-.nan'],
    ['9007199254740993', new PlainScalar(9007199254740992, '9007199254740993')],
    ['1.10', new PlainScalar(1.1, '1.10')],
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
    ['[a, 1, {b: ~}]', ['a', new PlainScalar(1, '1'), { b: null }]],
    ['&anchor a', 'a'],
  ])('%s', (written, value) => {
    const text = `value: ${written}\n`;
    expect(readWithPlaces(text)).toEqual({ value });
    expect(parseFastYaml(text)).toEqual({ value });
  });

  it.each([
    ['a field twice', 'a: 1\na: 2\n'],
    ['a field twice in braces', 'a: {b: 1, b: 2}\n'],
    ['an alias', 'a: &x 1\nb: *x\n'],
    ['an alias at once', 'a: [&x b,*x]\n'],
    ['a merged map', 'a: &x {b: 1}\nc: {<<: *x}\n'],
    ['a list for a field', '[a]: 1\n'],
    ['a list for a field in braces', 'a: {[b], c: d}\n'],
    ['a list for a field, at length', '? - a\n: 1\n'],
    ['a tag of nobody', 'a: !secret 1\n'],
    ['two documents', 'a: 1\n---\nb: 2\n'],
    ['a character of control', 'a: "\u0001"\n'],
    ['nothing', ''],
    ['a list', '- a\n'],
    ['nesting without end', '['.repeat(10_000)],
    ['an open quote', 'a: "b\n'],
  ])('but not where it may be faulty: %s', (_, text) => {
    expect(parseFastYaml(text)).toBeUndefined();
  });

  it('as the reader that knows places reads it, or not at all', () => {
    const rules =
      'domain: a # shop\ndescriptors:\n- key: "k\\t"\n  value: v*\n  rate_limit: {unit: day, requests_per_unit: 010}\n' +
      '- {key: k, limits: [{window: 1mo, requests: 5e1, name: m}, {unlimited: True}],\n   metadata: ~}\n' +
      "- key: >-\n    long\n    text\n  value: 'it''s'\n  descriptors:\n    - x: |\n        y\n\n      \"z\":\n    - {a: b, }\n";
    const scraps = fc.constantFrom(
      ...['{', '}', '[', ']', ', ', ': ', ':', '\n', '\n  ', '- ', '-', '? ', '# ', ' #', '"', "'", '|', '>', '>-\n'],
      ...[
        '&a ',
        '*a',
        '!!map ',
        '!!str ',
        '! ',
        '!t ',
        '%YAML 1.1\n',
        '---\n',
        '...\n',
        '<<',
        '@',
        '`',
        '%',
        '\t',
        '\r',
      ],
      ...['null', '~', 'yes', '010', '1e3', '0x1', '.inf', '\\', '\\x41', '\u0085', '\u00a0', '\u2028', '\ufeff', '\0'],
    );
    const change = fc.record({ at: fc.nat(rules.length), cut: fc.nat(12), put: fc.oneof(scraps, scraps, fc.string()) });
    let read = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        let text = rules;
        for (const { at, cut, put } of changes) text = text.slice(0, at) + put + text.slice(at + cut);
        const quickly = parseFastYaml(text);
        const withPlaces = readWithPlaces(text);
        if (quickly === undefined || withPlaces === undefined) return;
        // A map for a field, which no field has in either of the two.
        if (JSON.stringify(quickly).includes('[object Object]')) return;
        read++;
        expect(quickly).toEqual(withPlaces);
      }),
      { numRuns: 3000 },
    );
    expect(read).toBeGreaterThan(100);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editedYaml } from '../../../test/support/edited-yaml.ts';
import { parseFastYaml } from './fast-yaml.ts';
import { FaultLocator } from './fault-locator.ts';
import type { FaultSink } from './rules-fault.ts';
import { YamlDocument } from './yaml-document.ts';
import { childLocation, type YamlLocation } from './yaml-location.ts';
import { isYamlMapping, isYamlSequence, type YamlValue } from './yaml-values.ts';

/** Reports a fault of each value, of each name and of an absent field or item. */
function reportAll(value: YamlValue | undefined, location: YamlLocation, sink: FaultSink): void {
  sink.report(location, 'value');
  sink.report(childLocation(childLocation(location, 'absent'), 99), 'absent');
  if (isYamlSequence(value)) {
    for (const [index, item] of value.entries()) reportAll(item, childLocation(location, index), sink);
  } else if (isYamlMapping(value)) {
    for (const [name, field] of Object.entries(value)) {
      sink.reportName(location, name, 'name');
      reportAll(field, childLocation(location, name), sink);
    }
  }
}

/** The faults that YamlDocument and FaultLocator give a text. undefined: one of them does not accept the text. */
function locateAll(text: string) {
  const contents = parseFastYaml(text);
  const document = new YamlDocument('f.yaml', text, 'must be a mapping');
  if (contents === undefined || document.count > 0) return undefined;
  const locator = new FaultLocator('f.yaml', text);
  reportAll(contents, undefined, locator);
  reportAll(document.contents, undefined, document);
  return { expected: document.faults, found: locator.faults };
}

describe('the positions of the fast parser', () => {
  it.each([
    ['values in block style', 'a: 1\nb:\n  - c\n  - - d\n    - e: f\n      g: h\n'],
    ['values in flow style', 'a: {b: [c, {d: e}], "f": \'g\'}\nh: [\n  i,\n  j ]\n'],
    ['a sequence that is not indented', 'a:\n- b\n- c: d\n'],
    ['values after comments and empty lines', 'a: # one\n  # two\n\n  b: c\nd: [ # three\n  e,\n  # four\n  f]\n'],
    ['empty values', 'a:\nb:   \nc: \t# none\nd:\n  # none\ne: {f: , g:}\nh: ~\n'],
    ['empty collections', 'a: {}\nb: []\nc:\n  - {}\n  - []\n'],
    ['block scalars', 'a: |\n  b\n\n  c\nd:\n  - >-\n    e\n  - |\n    f\ng: h\n'],
    ['scalars of several lines', 'a: b\n  c\nd: "e\n\n  f"\ng:\n  h\n  i\n'],
    ['lines that end with a carriage return', 'a: 1\r\nb:\r\n  - c\r\n  - d: "e\r\n      f"\r\n'],
    ['names that are numbers, null or quoted', 'b: 1\n2: 3\n010: 4\n~: 5\n"c d": 6\n\'e\': 7\n1.50: 8\n'],
    ['names of the prototype', 'constructor: 1\n__proto__: {toString: 2}\n'],
    ['a byte order mark', '\ufeffa: 1\nb: 2\n'],
    ['the start and the end of a document', '# rules\n---\na: 1\n...\n'],
    ['characters of two code units', 'a: {"😀": b, c: d}\n'],
  ])('are those of YamlDocument for %s', (_, text) => {
    const faults = locateAll(text);
    expect(faults?.found?.length).toBeGreaterThan(3);
    expect(faults?.found).toEqual(faults?.expected);
  });

  it('are those of YamlDocument for any text, or are not known', () => {
    let known = 0;
    fc.assert(
      fc.property(editedYaml(), (text) => {
        const faults = locateAll(text);
        if (faults?.found === undefined) return;
        known++;
        expect(faults.found).toEqual(faults.expected);
      }),
      { numRuns: 3000 },
    );
    expect(known).toBeGreaterThan(100);
  });

  it.each([
    ['an anchor', 'a: &x 1\n'],
    ['an anchor without a value', 'a:\n  &x\nb: c\n'],
    ['an empty value in a line after its colon', 'a: {b:\n  , c: d}\n'],
    ['a field without a value', 'a: {b, c: d}\n'],
    ['a pair in a sequence', 'a: [b: c]\n'],
    ['an empty item', 'a:\n  -\n  - b\n'],
  ])('are not known for %s', (_, text) => {
    expect(locateAll(text)).toMatchObject({ found: undefined });
  });
});

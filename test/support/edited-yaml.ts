import fc from 'fast-check';

const RULES =
  'domain: a # shop\ndescriptors:\n- key: "k\\t"\n  value: v*\n  rate_limit: {unit: day, requests_per_unit: 010}\n' +
  '- {key: k, limits: [{window: 1mo, requests: 5e1, name: m}, {unlimited: True}],\n   metadata: ~}\n' +
  "- key: >-\n    long\n    text\n  value: 'it''s'\n  descriptors:\n    - x: |\n        y\n\n      \"z\":\n    - {a: b, }\n";

const SCRAPS = fc.constantFrom(
  ...['{', '}', '[', ']', ', ', ': ', ':', '\n', '\n  ', '- ', '-', '? ', '# ', ' #', '"', "'", '|', '>', '>-\n'],
  ...['&a ', '*a', '!!map ', '!!str ', '! ', '!t ', '%YAML 1.1\n', '---\n', '...\n', '<<', '@', '`', '%', '\t', '\r'],
  ...['null', '~', 'yes', '010', '1e3', '0x1', '.inf', '\\', '\\x41', '\u0085', '\u00a0', '\u2028', '\ufeff', '\0'],
);

/** Texts of rules with one to four edits. Many are not valid YAML any more. */
export function editedYaml(): fc.Arbitrary<string> {
  const edit = fc.record({
    at: fc.nat(RULES.length),
    cut: fc.nat(12),
    put: fc.oneof(SCRAPS, SCRAPS, fc.string()),
  });
  return fc.array(edit, { minLength: 1, maxLength: 4 }).map((edits) => {
    let text = RULES;
    for (const { at, cut, put } of edits) text = text.slice(0, at) + put + text.slice(at + cut);
    return text;
  });
}

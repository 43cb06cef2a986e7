import type { BrokenRules } from './templates.ts';

/** Files whose fault is at the top: domain, match, defaults, descriptors. */
export const TOP_LEVEL: readonly BrokenRules[] = [
  ['an empty file', '', '1:1: must be a mapping with a domain and descriptors (got nothing)'],
  ['a file with only a comment', '# nothing\n', '1:1: must be a mapping with a domain and descriptors (got nothing)'],
  ['a file with only spaces', '  \n', '1:1: must be a mapping with a domain and descriptors (got nothing)'],
  ['a document marker without content', '---\n', '1:1: must be a mapping with a domain and descriptors (got null)'],
  ['null at the top', 'null\n', '1:1: must be a mapping with a domain and descriptors (got null)'],
  ['a string at the top', 'rules\n', '1:1: must be a mapping with a domain and descriptors (got "rules")'],
  ['a number at the top', '5\n', '1:1: must be a mapping with a domain and descriptors (got 5)'],
  ['a list at the top', '- domain: a\n', '1:1: must be a mapping with a domain and descriptors (got a list)'],
  ['a missing domain', 'descriptors: []\n', '1:1: domain: must be a string that is not empty (got nothing)'],
  ['an empty domain', 'domain: ""\n', '1:9: domain: must be a string that is not empty (got "")'],
  ['null as domain', 'domain:\n', '1:8: domain: must be a string (got null)'],
  ['a list as domain', 'domain: [a]\n', '1:9: domain: must be a string (got a list)'],
  ['a mapping as domain', 'domain: {a: b}\n', '1:9: domain: must be a string (got a mapping)'],
  ['a misspelled domain', 'domian: a\n', '1:1: domian: unknown field; did you mean domain?'],
  [
    'an unknown field at the top',
    'domain: a\nlimits: []\n',
    '2:1: limits: unknown field; the known fields are domain, match, defaults, descriptors',
  ],
  [
    'a list as the name of a field',
    'domain: a\n? [b]\n: c\n',
    '2:3: "": unknown field; the known fields are domain, match, defaults, descriptors',
  ],
  [
    'null as the name of a field',
    'domain: a\n: b\n',
    '2:1: null: unknown field; the known fields are domain, match, defaults, descriptors',
  ],
  [
    'a number as the name of a field',
    'domain: a\n5: b\n',
    '2:1: 5: unknown field; the known fields are domain, match, defaults, descriptors',
  ],
  [
    'an unknown value of match',
    'domain: a\nmatch: longest\n',
    '2:8: match: must be most_specific, or left out (got "longest")',
  ],
  ['a list as match', 'domain: a\nmatch: []\n', '2:8: match: must be a string (got a list)'],
  [
    'match in the domain edge',
    'domain: edge\nmatch: most_specific\n',
    '2:8: match: must be left out in the domain edge',
  ],
  [
    'too many overlapping wildcards with most_specific',
    `domain: a\nmatch: most_specific\ndescriptors:\n${Array.from({ length: 32 }, (_, first) => `  - key: k\n    value: "*${first}*"\n    descriptors: [${Array.from({ length: 32 }, (_, second) => `{key: l, value: "*${second}*"}`).join(', ')}]\n`).join('')}`,
    '2:8: match: must be left out unless each lookup visits at most 1000 descriptors (one could visit 1057); use fewer wildcards that match the same values',
  ],
  ['domain twice', 'domain: a\ndomain: b\n', '2:1: duplicate field: a mapping must have each field only once'],
  [
    'descriptors twice',
    'domain: a\ndescriptors: []\ndescriptors: []\n',
    '3:1: duplicate field: a mapping must have each field only once',
  ],
  [
    'two YAML documents',
    'domain: a\n---\ndomain: b\n',
    '2:1: must be the only YAML document of its file; move the second one to another file',
  ],
  [
    'defaults without an algorithm',
    'domain: a\ndefaults: {}\n',
    '2:11: defaults.algorithm: must be one of sliding_window, fixed_window, token_bucket, calendar, concurrency (got nothing)',
  ],
  [
    'an unknown default algorithm',
    'domain: a\ndefaults: {algorithm: leaky}\n',
    '2:23: defaults.algorithm: must be one of sliding_window, fixed_window, token_bucket, calendar, concurrency (got "leaky")',
  ],
  [
    'credits as the default algorithm',
    'domain: a\ndefaults: {algorithm: credits}\n',
    '2:23: defaults.algorithm: must be one of sliding_window, fixed_window, token_bucket, calendar, concurrency (got "credits")',
  ],
  [
    'unlimited as the default algorithm',
    'domain: a\ndefaults: {algorithm: unlimited}\n',
    '2:23: defaults.algorithm: must be one of sliding_window, fixed_window, token_bucket, calendar, concurrency (got "unlimited")',
  ],
  [
    'a default for another field',
    'domain: a\ndefaults: {algorithm: fixed_window, window: 1s}\n',
    '2:37: defaults.window: unknown field; the known fields are algorithm',
  ],
  [
    'a misspelled field of defaults',
    'domain: a\ndefaults: {algoritm: fixed_window}\n',
    '2:12: defaults.algoritm: unknown field; did you mean algorithm?',
  ],
  [
    'a list as defaults',
    'domain: a\ndefaults: [fixed_window]\n',
    '2:11: defaults: must be a mapping with an algorithm (got a list)',
  ],
  ['null as defaults', 'domain: a\ndefaults:\n', '2:10: defaults: must be a mapping with an algorithm (got null)'],
  [
    'a mapping as descriptors',
    'domain: a\ndescriptors: {key: k}\n',
    '2:14: descriptors: must be a list (got a mapping)',
  ],
  ['a string as descriptors', 'domain: a\ndescriptors: k\n', '2:14: descriptors: must be a list (got "k")'],
  ['null as descriptors', 'domain: a\ndescriptors:\n', '2:13: descriptors: must be a list (got null)'],
];

import { type BrokenRules, withDescriptor } from './templates.ts';

/** Files that are not valid YAML, or use a part of YAML that rules files do not have. */
export const YAML_SYNTAX: readonly BrokenRules[] = [
  [
    'an alias as value',
    withDescriptor('{key: &name k, value: *name}'),
    '3:27: *name: aliases are not supported; write out the value',
  ],
  [
    'an alias without an anchor',
    withDescriptor('{key: *nobody}'),
    '3:11: *nobody: aliases are not supported; write out the value',
  ],
  [
    'an alias of a mapping',
    withDescriptor('&base {key: k, rate_limit: {requests: 1, window: 1s}}\n  - {key: j, rate_limit: *base}'),
    '4:26: *base: aliases are not supported; write out the value',
  ],
  ['an unknown tag', withDescriptor('{key: !secret k}'), '3:11: invalid YAML: Unresolved tag: !secret'],
  [
    'a tag of another language',
    withDescriptor('{key: !!python/object k}'),
    '3:11: invalid YAML: Unresolved tag: tag:yaml.org,2002:python/object',
  ],
  ['an unsupported YAML version', '%YAML 3.0\n---\ndomain: a\n', '1:7: invalid YAML: Unsupported YAML version 3.0'],
  ['a tab as indentation', 'domain: a\n\tdescriptors: []\n', '2:1: invalid YAML: Tabs are not allowed as indentation'],
  [
    'an unclosed list',
    'domain: a\ndescriptors: [{key: k}\n',
    '3:1: invalid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
  ],
  [
    'an unclosed mapping',
    withDescriptor('{key: k'),
    '4:1: invalid YAML: Flow map in block collection must be sufficiently indented and end with a }',
  ],
  ['an unclosed quote', 'domain: "a\n', '2:1: invalid YAML: Missing closing "quote'],
  ['an unknown escape sequence', 'domain: "\\q"\n', '1:10: invalid YAML: Invalid escape sequence \\q'],
  [
    'a second colon in a line',
    'domain: a: b\n',
    '1:9: invalid YAML: Nested mappings are not allowed in compact mappings',
  ],
  [
    'a value that starts with a reserved character',
    'domain: @a\n',
    '1:9: invalid YAML: Plain value cannot start with reserved character @',
  ],
  ['a NUL character', 'domain: a\u0000b\n', '1:10: invalid YAML: the character U+0000 is not allowed'],
  ['an ESC character', 'domain: \u001b[31ma\n', '1:9: invalid YAML: the character U+001B is not allowed'],
  [
    'a byte order mark in the middle',
    'domain: a\n\ufeffdescriptors: []\n',
    '2:1: ?descriptors: unknown field; did you mean descriptors?',
  ],
];

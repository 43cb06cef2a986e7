import { type BrokenRules, withDescriptor } from './templates.ts';

/** Files whose fault is in the key, the value or another field of a descriptor. */
export const DESCRIPTORS: readonly BrokenRules[] = [
  ['a string as a descriptor', withDescriptor('k'), '3:5: descriptors[0]: must be a mapping with a key (got "k")'],
  ['null as a descriptor', withDescriptor(''), '3:5: descriptors[0]: must be a mapping with a key (got null)'],
  ['a list as a descriptor', withDescriptor('[k]'), '3:5: descriptors[0]: must be a mapping with a key (got a list)'],
  [
    'a descriptor without a key',
    withDescriptor('{value: v}'),
    '3:5: key: must be a string that is not empty (got nothing)',
  ],
  ['an empty key', withDescriptor('{key: ""}'), '3:11: key: must be a string that is not empty (got "")'],
  ['null as key', withDescriptor('{key: }'), '3:11: key: must be a string (got null)'],
  ['a list as key', withDescriptor('{key: [k]}'), '3:11: key: must be a string (got a list)'],
  ['a misspelled key', withDescriptor('{kye: k}'), '3:6: kye: unknown field; did you mean key?'],
  [
    'an unknown field of a descriptor',
    withDescriptor('{key: k, weight: 5}'),
    '3:14: weight: unknown field; the known fields are key, value, rate_limit, limits, descriptors, shadow_mode, share_threshold, quota_mode, detailed_metric, value_to_metric, metadata, candidate',
  ],
  [
    'a key with a wildcard',
    withDescriptor('{key: "k*"}'),
    '3:11: key: must not contain "*": only values can have wildcards (got "k*")',
  ],
  ['key twice', withDescriptor('{key: k, key: j}'), '3:14: duplicate field: a mapping must have each field only once'],
  ['a list as value', withDescriptor('{key: k, value: [v]}'), '3:21: value: must be a string (got a list)'],
  ['a mapping as value', withDescriptor('{key: k, value: {v: w}}'), '3:21: value: must be a string (got a mapping)'],
  ['a misspelled value', withDescriptor('{key: k, vlaue: v}'), '3:14: vlaue: unknown field; did you mean value?'],
  [
    'an unknown field with a long name',
    withDescriptor(`{key: k, ${'x'.repeat(60)}: 1}`),
    '3:14: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…: unknown field; the known fields are key, value, rate_limit, limits, descriptors, shadow_mode, share_threshold, quota_mode, detailed_metric, value_to_metric, metadata, candidate',
  ],
  [
    'an unknown field with a line feed in its name',
    withDescriptor('{key: k, "a\\nb": 1}'),
    '3:14: a?b: unknown field; the known fields are key, value, rate_limit, limits, descriptors, shadow_mode, share_threshold, quota_mode, detailed_metric, value_to_metric, metadata, candidate',
  ],
  [
    'the same key twice',
    withDescriptor('{key: k}\n  - {key: k}'),
    '4:5: descriptors[1]: must differ in key or value from the descriptors before it ("a.k" already exists); use limits for several limits',
  ],
  [
    'the same value twice',
    withDescriptor('{key: k, value: v}\n  - {key: k, value: v}'),
    '4:5: descriptors[1]: must differ in key or value from the descriptors before it ("a.k_v" already exists); use limits for several limits',
  ],
  [
    'the same wildcard twice',
    withDescriptor('{key: k, value: v*}\n  - {key: k, value: v*}'),
    '4:5: descriptors[1]: must differ in key or value from the descriptors before it ("a.k_v*" already exists); use limits for several limits',
  ],
  [
    'an empty value next to a descriptor without a value',
    withDescriptor('{key: k, value: ""}\n  - {key: k}'),
    '4:5: descriptors[1]: must differ in key or value from the descriptors before it ("a.k" already exists); use limits for several limits',
  ],
  [
    'the same value as a number and as a string',
    withDescriptor('{key: k, value: 5}\n  - {key: k, value: "5"}'),
    '4:5: descriptors[1]: must differ in key or value from the descriptors before it ("a.k_5" already exists); use limits for several limits',
  ],
  [
    'a long value twice',
    withDescriptor(`{key: k, value: ${'v'.repeat(60)}}\n  - {key: k, value: ${'v'.repeat(60)}}`),
    '4:5: descriptors[1]: must differ in key or value from the descriptors before it ("a.k_vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv…" already exists); use limits for several limits',
  ],
  [
    'share_threshold without a wildcard',
    withDescriptor('{key: k, value: v, share_threshold: true}'),
    '3:41: share_threshold: must be left out unless value contains "*"',
  ],
  [
    'share_threshold without a value',
    withDescriptor('{key: k, share_threshold: true}'),
    '3:31: share_threshold: must be left out unless value contains "*"',
  ],
  [
    'a network with bits beyond its prefix',
    withDescriptor('{key: remote_address, value: 10.1.2.3/8}'),
    '3:34: value: must have no bits beyond its prefix: the network is 10.0.0.0/8 (got "10.1.2.3/8")',
  ],
  [
    'a network with a prefix that is too long',
    withDescriptor('{key: masked_remote_address, value: "2001:db8::/129"}'),
    '3:41: value: must be an address or a network in CIDR notation, such as 192.0.2.0/24 or 2001:db8::/32 (got "2001:db8::/129")',
  ],
  [
    'a misspelled rate_limit',
    withDescriptor('{key: k, rate_limits: {requests: 1, window: 1s}}'),
    '3:14: rate_limits: unknown field; did you mean rate_limit?',
  ],
];

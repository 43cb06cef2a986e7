import { expect, it } from 'vitest';
import { formatKeySource, parseKeySources } from './key-source.ts';

const parse = (text: string) => {
  const sources = parseKeySources(text);
  return 'invalid' in sources ? sources.invalid : sources.map(formatKeySource);
};

it('reads sources in order; kinds, headers and schemes in any case', () => {
  expect(parse('header:X-My-Key,AUTHORIZATION:Basic , cookie:Session_Key,query:api_key, authorization:raw')).toEqual([
    'header:x-my-key',
    'authorization:basic',
    'cookie:Session_Key',
    'query:api_key',
    'authorization:raw',
  ]);
});

it.each([
  ['headers:x-key', 'did you mean header?'],
  ['coookie:a', 'did you mean cookie?'],
  ['x-api-key', 'must be sources such as'],
  ['', 'must be sources such as'],
  ['header:x-key,', 'must be sources such as'],
  ['authorization:baisc', 'did you mean basic?'],
  ['authorization', 'must have one of'],
  ['header:', 'the name of a header'],
  ['header::path', 'the name of a header'],
  ['header:x key', 'the name of a header'],
  ['header:host', 'the name of a header'],
  ['header:x-weir-plan', 'the name of a header'],
  ['header:x_weir_plan', 'the name of a header'],
  ['header:Cookie', 'cookie:NAME in place of'],
  ['header:Authorization', 'authorization:raw in place of'],
  ['cookie:', 'the name of a cookie'],
  ['cookie:a=b', 'the name of a cookie'],
  ['query:a&b', 'letters, digits'],
  ['header:a, header:A', 'must not name header:a twice'],
  ['authorization:raw, authorization:basic', 'must name authorization:raw after authorization:basic'],
  [Array.from({ length: 9 }, (_, index) => `cookie:c${index}`).join(), 'at most 8 sources'],
])('rejects %j: %s', (text, message) => {
  expect(parse(text)).toContain(message);
});

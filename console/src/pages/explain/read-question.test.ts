import { describe, expect, it } from 'vitest';
import { readQuestion } from './read-question.ts';

describe('readQuestion', () => {
  it('reads descriptors as `weir explain` does', () => {
    const { request, readAs } = readQuestion('shop path=/login,user=a\\,b method=GET');
    const first = [
      { key: 'path', value: '/login' },
      { key: 'user', value: 'a,b' },
    ];
    const descriptors = [{ entries: first }, { entries: [{ key: 'method', value: 'GET' }] }];
    expect({ request, readAs }).toEqual({
      request: { rateLimit: { domain: 'shop', descriptors } },
      readAs: '2 descriptors',
    });
  });

  it('tells requests as JSON apart by their fields', () => {
    expect(readQuestion('{"attributes": {}}').readAs).toBe('a CheckRequest');
    expect(readQuestion('{"domain": "shop"}').readAs).toBe('a RateLimitRequest');
  });

  it('reads the name and the secret of an API key', () => {
    expect(readQuestion(' apiKeys/abc ').request).toEqual({ apiKey: 'apiKeys/abc' });
    expect(readQuestion('wk_abc').request).toEqual({ secret: 'wk_abc' });
  });

  it('links to nothing that can contain a credential', () => {
    const texts = [
      'curl http://h/',
      '{"attributes": {}}',
      'wk_abc',
      'plans a=b',
      'shop token=eyJhbGciOi',
      'shop token=wr_abc',
      '{"domain": "shop", "descriptors": [{"entries": [{"key": "a", "value": "Basic YTpi"}]}]}',
      '{"domain": "plans"}',
    ];
    expect(texts.map((text) => readQuestion(text).isLinkable)).toEqual(texts.map(() => false));
    expect(readQuestion('shop path=/').isLinkable).toBe(true);
  });

  it('says what an entry must look like', () => {
    expect(() => readQuestion('shop path')).toThrow('path: must be KEY=VALUE');
  });
});

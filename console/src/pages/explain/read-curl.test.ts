import { describe, expect, it } from 'vitest';
import { readCurl } from './read-curl.ts';

const readHttp = (line: string) => readCurl(line).attributes?.request?.http;

describe('readCurl', () => {
  it('reads method, scheme, host, path and headers', () => {
    expect(
      readHttp(`curl -X PUT -H 'x-api-key: k' -H "Accept: */*" 'https://api.example.com/v1/items?q=a&b=c'`),
    ).toEqual({
      method: 'PUT',
      scheme: 'https',
      host: 'api.example.com',
      path: '/v1/items?q=a&b=c',
      headers: { 'x-api-key': 'k', accept: '*/*' },
    });
  });

  it('reads lines that a browser copied, with continued lines and options that Envoy sees nothing of', () => {
    const http = readHttp(`curl 'http://h/x' \\\n  -H 'A: 1' \\\n  --compressed -o out.txt -sS --data-raw '{"a":1}'`);
    expect(http).toMatchObject({ method: 'POST', path: '/x', headers: { a: '1' } });
  });

  it('reads short options with their value attached, and long ones with =', () => {
    expect(readHttp('curl -XDELETE --user-agent=me example.com/a')).toMatchObject({
      method: 'DELETE',
      host: 'example.com',
      headers: { 'user-agent': 'me' },
    });
  });

  it('turns credentials into the header that curl sends', () => {
    expect(readHttp('curl -u a:b http://h/')?.headers).toEqual({ authorization: `Basic ${btoa('a:b')}` });
    expect(readHttp('curl --oauth2-bearer t http://h/')?.headers).toEqual({ authorization: 'Bearer t' });
  });

  it('lets the header Host replace the host of the URL', () => {
    expect(readHttp('curl -H "Host: shop.example" http://127.0.0.1:10000/')).toMatchObject({ host: 'shop.example' });
  });

  it('reads a path with * and ? outside of quotes', () => {
    expect(readHttp('curl http://h/a?b=*')?.path).toBe('/a?b=*');
  });

  it('refuses a line without a URL', () => {
    expect(() => readCurl('curl -H "a: b"')).toThrow('the curl line has no URL');
  });
});

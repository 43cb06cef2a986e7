import { describe, expect, it } from 'vitest';
import { type HostList, hasHost, parseHostList } from './key-url.ts';

function parse(text: string): HostList {
  const hosts = parseHostList(text);
  if ('invalid' in hosts) throw new Error(`hosts: must be valid (got "${hosts.invalid}")`);
  return hosts;
}

describe('the hosts of plain http', () => {
  const hosts = parse(' keycloak.auth.svc:8080, Dex ,10.0.0.5,[fd00:0::1]:9000,hydra:80,');

  it.each([
    'http://keycloak.auth.svc:8080/realms/a',
    'http://dex/keys',
    'http://DEX:5556/keys',
    'http://10.0.0.5:1/',
    'http://[fd00::1]:9000/',
    'http://hydra/',
    'http://hydra:80/',
  ])('contain that of %s', (url) => expect(hasHost(hosts, new URL(url))).toBe(true));

  it.each([
    'http://keycloak.auth.svc/',
    'http://keycloak.auth.svc.example.com:8080/',
    'http://a.dex/',
    'http://dex.example.com/',
    'http://dex@example.com/',
    'http://10.0.0.50/',
    'http://[fd00::1]/',
    'http://hydra:8080/',
  ])('do not contain that of %s', (url) => expect(hasHost(hosts, new URL(url))).toBe(false));

  it('may be none', () => expect([...parse('')]).toEqual([]));

  it.each([
    'http://dex',
    'dex/keys',
    '*',
    '*.svc',
    'dex:x',
    'dex:70000',
    'fd00::1',
    'a b',
    'user@dex',
    'dex?',
    'dex#a',
    '[::1',
    ':80',
  ])('must not include %s', (entry) => expect(parseHostList(`good,${entry}`)).toEqual({ invalid: entry }));
});

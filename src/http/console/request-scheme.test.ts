import { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { parseNetworks } from '../../domain/credentials/allowed-networks.ts';
import { findScheme } from './request-scheme.ts';

const parsed = parseNetworks(['10.0.0.0/8']);
const trustedProxies = 'faults' in parsed ? [] : parsed;

/** Finds the scheme of a request from an address with these headers. */
function find(remoteAddress: string, headers: Readonly<Record<string, string>>, isTls = false): string {
  const socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: remoteAddress });
  const distinct = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
  return findScheme({ headers, headersDistinct: distinct, socket }, { isTls, trustedProxies });
}

describe('the scheme of a request', () => {
  it.for([
    ['localhost:8080', 'loopback'],
    ['LOCALHOST', 'loopback'],
    ['127.0.0.1:8080', 'loopback'],
    ['[::1]:8080', 'loopback'],
    ['localhost.evil.example', 'insecure'],
    ['evil.example', 'insecure'],
    ['192.0.2.1', 'insecure'],
    ['', 'insecure'],
    ['a b', 'insecure'],
    ['localhost.', 'insecure'],
    ['127.0.0.1.evil.example', 'insecure'],
    ['user@localhost', 'insecure'],
    ['localhost/evil', 'insecure'],
    ['localhost\\evil', 'insecure'],
    ['localhost?evil', 'insecure'],
    ['localhost#evil', 'insecure'],
  ] as const)('without a proxy and TLS, with the host %s, is %s', ([host, expected]) => {
    expect(find('172.17.0.1', { host })).toBe(expected);
  });

  it('is https on a listener with TLS, unless a trusted proxy says otherwise', () => {
    expect(find('192.0.2.1', { host: 'weir.example.com' }, true)).toBe('https');
    expect(find('192.0.2.1', { host: 'weir.example.com', 'x-forwarded-proto': 'http' }, true)).toBe('https');
    expect(find('10.0.0.1', { host: 'weir.example.com', 'x-forwarded-proto': 'http' }, true)).toBe('insecure');
  });

  it.for([
    ['https', 'https'],
    ['HTTPS, https', 'https'],
    ['https, http', 'insecure'],
    ['https,', 'insecure'],
    ['ws', 'insecure'],
  ] as const)('is what a trusted proxy says: %s is %s', ([proto, expected]) => {
    expect(find('10.0.0.1', { host: 'weir.example.com', 'x-forwarded-proto': proto })).toBe(expected);
  });

  it('behind a proxy is that of its client, also if the proxy changes the host', () => {
    const host = 'localhost:8080';
    expect(find('10.0.0.1', { host, 'x-forwarded-for': '203.0.113.9' })).toBe('insecure');
    expect(find('10.0.0.1', { host, 'x-forwarded-for': '127.0.0.1' })).toBe('loopback');
    expect(find('127.0.0.1', { host, 'x-forwarded-for': '127.0.0.1' })).toBe('insecure');
    expect(find('127.0.0.1', { host, 'x-forwarded-proto': 'https' })).toBe('insecure');
  });
});

import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CheckRequest } from '../../generated/envoy/service/auth/v3/external_auth.ts';
import { InvalidRequest } from '../wire/decode-message.ts';
import { prepareCheckExtraction } from './check-extraction.ts';
import { decodeCheckRequest } from './check-request.ts';

const encode = (http: object, contextExtensions: Record<string, string> = {}) =>
  CheckRequest.encode(CheckRequest.fromPartial({ attributes: { request: { http }, contextExtensions } })).finish();

/** Headers as Envoy sends them in `header_map`. */
const rawHeaders = (headers: Record<string, string>) =>
  Object.entries(headers).map(([key, value]) => ({ key, value: '', rawValue: Buffer.from(value) }));

describe('decodeCheckRequest', () => {
  it('reads credentials and request id, from headers or from header_map', () => {
    const expected = { apiKeyHeader: 'k', authorizationHeader: 'Bearer t', requestIdHeader: 'r1' };
    const headers = { 'x-api-key': 'k', authorization: 'Bearer t', 'x-request-id': 'r1' };
    expect(decodeCheckRequest(encode({ headers }))).toMatchObject(expected);
    expect(decodeCheckRequest(encode({ headerMap: { headers: rawHeaders(headers) } }))).toMatchObject(expected);
  });

  it('joins a repeated header, so that two keys are not a valid key', () => {
    const headers = ['a', 'b'].map((value) => ({ key: 'X-Api-Key', value, rawValue: new Uint8Array() }));
    expect(decodeCheckRequest(encode({ headerMap: { headers } })).apiKeyHeader).toBe('a,b');
  });

  it('lists the headers that imitate Weir’s own, in any spelling', () => {
    const headers = { 'x-weir-role': '1', x_weir_account: '2', 'x-weir-plan': '3', 'x-other': '4' };
    expect(decodeCheckRequest(encode({ headers })).forgedHeaders.toSorted()).toEqual(['x-weir-role', 'x_weir_account']);
  });

  it('turns the charge off if weir.rate_limit is "off" in any case', () => {
    const isOff = (value: string) => decodeCheckRequest(encode({}, { 'weir.rate_limit': value })).rateLimitOff;
    expect(['off', 'OFF', 'on', 'false', ''].map(isOff)).toEqual([true, true, false, false, false]);
  });

  it('takes the source address from Envoy’s peer, and never from a header of the client', () => {
    const sourceAddress = (source: object, headers = {}) => {
      const attributes = { source, request: { http: { headers } } };
      return decodeCheckRequest(CheckRequest.encode(CheckRequest.fromPartial({ attributes })).finish()).sourceAddress;
    };
    const peer = (address: string) => ({
      address: { address: { $case: 'socketAddress', value: { address } } },
      principal: 'spiffe://somebody',
    });
    expect(sourceAddress(peer('192.0.2.1'), { 'x-forwarded-for': '203.0.113.9' })).toBe('192.0.2.1');
    expect(sourceAddress(peer('2001:db8::1'))).toBe('2001:db8::1');
    for (const source of [{}, { address: {} }, peer('')]) {
      const headers = { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9' };
      expect(sourceAddress(source, headers)).toBeUndefined();
    }
  });

  it('reads the features that the route requires', () => {
    const features = (value: string) => decodeCheckRequest(encode({}, { 'weir.require': value })).requiredFeatures;
    expect(features('export, bulk,,')).toEqual(['export', 'bulk']);
    expect(features(' read:orders  write:orders\thttps://example.com/a?b=c#d ')).toEqual([
      'read:orders',
      'write:orders',
      'https://example.com/a?b=c#d',
    ]);
    expect(features('"Super Admin","a,b", c')).toEqual(['Super Admin', 'a,b', 'c']);
    expect(features('"Super Admin, c')).toEqual(['"Super', 'Admin', 'c']);
    expect(features('""')).toEqual(['""']);
    expect(features('')).toEqual([]);
    expect(decodeCheckRequest(encode({}, { other: 'export' })).requiredFeatures).toEqual([]);
  });

  it('reads the cost of the route: 1 by default; it is a fault if it is not a uint32', () => {
    const decodeCost = (value: string) => decodeCheckRequest(encode({}, { 'weir.cost': value }));
    const cost = (value: string) => decodeCost(value).cost;
    expect(decodeCheckRequest(encode({})).cost).toBe(1);
    expect(['0', '1', '250', '4294967295'].map(cost)).toEqual([0, 1, 250, 4294967295]);
    for (const invalid of ['', '-1', '1.5', '1e3', '0x10', ' 1', 'ten', '4294967296', '9'.repeat(400), 'Infinity']) {
      expect(decodeCost(invalid).configurationFault).toMatchObject({ name: 'weir.cost', isDenied: true });
    }
  });

  it('reads the route, and the device from the configured header', () => {
    const message = encode({ headers: { 'X-Device': 'phone', 'x-api-key': 'k' } }, { 'weir.route': 'login' });
    expect(decodeCheckRequest(message)).toMatchObject({ route: 'login', device: undefined });
    const withDevice = decodeCheckRequest(message, prepareCheckExtraction({ deviceHeader: 'x-device' }));
    expect(withDevice).toMatchObject({ route: 'login', device: 'phone', apiKeyHeader: 'k' });
  });

  it('allows anonymous requests if weir.auth is "optional" in any case', () => {
    const isAllowed = (value: string) => decodeCheckRequest(encode({}, { 'weir.auth': value })).allowsAnonymous;
    expect(['optional', 'Optional', 'required', 'true', ''].map(isAllowed)).toEqual([true, true, false, false, false]);
  });

  it('recognizes a preflight by its method and both headers, where the route allows preflights', () => {
    const isPreflight = (http: object, extension = 'allow') =>
      decodeCheckRequest(encode(http, { 'weir.cors_preflight': extension })).isAllowedPreflight;
    const headers = { Origin: 'https://a.example', 'access-control-request-method': 'POST' };
    expect(isPreflight({ method: 'OPTIONS', headers })).toBe(true);
    expect(isPreflight({ method: 'OPTIONS', headerMap: { headers: rawHeaders(headers) } })).toBe(true);
    expect(isPreflight({ method: 'OPTIONS', headers }, 'Allow')).toBe(true);
    for (const extension of ['', 'deny', 'true', 'off']) {
      expect(isPreflight({ method: 'OPTIONS', headers }, extension)).toBe(false);
    }
    for (const method of ['', 'options', 'GET', 'POST', 'OPTIONSX']) {
      expect(isPreflight({ method, headers })).toBe(false);
    }
    for (const name of Object.keys(headers)) {
      expect(isPreflight({ method: 'OPTIONS', headers: { ...headers, [name]: '' } })).toBe(false);
    }
    expect(isPreflight({ method: 'OPTIONS' })).toBe(false);
  });

  it('accepts an empty message', () => {
    expect(decodeCheckRequest(new Uint8Array())).toMatchObject({ apiKeyHeader: undefined });
  });

  it('rejects bytes that are not a CheckRequest', () => {
    for (const bytes of ['0a05', 'ff', '0a020a', 'deadbeef']) {
      expect(() => decodeCheckRequest(Buffer.from(bytes, 'hex'))).toThrow(InvalidRequest);
    }
  });

  describe('of a request with a body, which Envoy sends if with_request_body is set', () => {
    const http = { method: 'POST', path: '/orders', headers: { 'x-api-key': 'wk_1', 'user-agent': 'curl' } };
    /** A CheckRequest with another key, which would win if the body were read as part of the message. */
    const forgedRequest = encode({ headers: { 'x-api-key': 'wk_2' } });

    it.each<[form: string, body: object]>([
      ['body', { body: 'x'.repeat(1_000_000) }],
      ['raw_body', { rawBody: randomBytes(1_000_000) }],
      ['raw_body that is a CheckRequest', { rawBody: Buffer.from(forgedRequest) }],
    ])('ignores the %s', (_, body) => {
      expect(decodeCheckRequest(encode({ ...http, ...body }))).toEqual(decodeCheckRequest(encode(http)));
    });
  });
});

import { describe, expect, it } from 'vitest';
import type { CheckVerdict } from '../../decide/check/check.ts';
import { NO_POLICY } from '../../domain/credentials/api-key-policy.ts';
import { CheckRequest, CheckResponse } from '../../generated/envoy/service/auth/v3/external_auth.ts';
import { InvalidRequest } from '../wire/decode-message.ts';
import { checkReading, decodeCheckRequest } from './check-request.ts';
import { encodeCheckResponse } from './check-response.ts';

const http = (part: object, contextExtensions: Record<string, string> = {}) =>
  CheckRequest.encode(
    CheckRequest.fromPartial({ attributes: { request: { http: part }, contextExtensions } }),
  ).finish();

describe('a CheckRequest', () => {
  it('gives its credentials and request id, from headers or from header_map', () => {
    const expected = { apiKeyHeader: 'k', authorizationHeader: 'Bearer t', requestIdHeader: 'r1' };
    const headers = { 'x-api-key': 'k', authorization: 'Bearer t', 'x-request-id': 'r1' };
    const raw = Object.entries(headers).map(([key, value]) => ({ key, value: '', rawValue: Buffer.from(value) }));
    expect(decodeCheckRequest(http({ headers }))).toMatchObject(expected);
    expect(decodeCheckRequest(http({ headerMap: { headers: raw } }))).toMatchObject(expected);
  });

  it('joins a header that came twice, so that two keys are none', () => {
    const twice = ['a', 'b'].map((value) => ({ key: 'X-Api-Key', value, rawValue: new Uint8Array() }));
    expect(decodeCheckRequest(http({ headerMap: { headers: twice } })).apiKeyHeader).toBe('a,b');
  });

  it('tells the headers with which a client tries to pass for Weir, however they are spelt', () => {
    const headers = { 'x-weir-role': '1', x_weir_account: '2', 'x-weir-plan': '3', 'x-other': '4' };
    expect(decodeCheckRequest(http({ headers })).forgedHeaders.toSorted()).toEqual(['x-weir-role', 'x_weir_account']);
  });

  it('switches the charge off only by the very word', () => {
    const off = (value: string) => decodeCheckRequest(http({}, { 'weir.rate_limit': value })).rateLimitOff;
    expect(['off', 'OFF', 'false', ''].map(off)).toEqual([true, false, false, false]);
  });

  it('tells who connected to Envoy, and nothing that the client may claim of it', () => {
    const from = (source: object, headers = {}) => {
      const attributes = { source, request: { http: { headers } } };
      return decodeCheckRequest(CheckRequest.encode(CheckRequest.fromPartial({ attributes })).finish()).sourceAddress;
    };
    const socket = (address: string) => ({
      address: { address: { $case: 'socketAddress', value: { address } } },
      principal: 'spiffe://somebody',
    });
    expect(from(socket('192.0.2.1'), { 'x-forwarded-for': '203.0.113.9' })).toBe('192.0.2.1');
    expect(from(socket('2001:db8::1'))).toBe('2001:db8::1');
    for (const source of [{}, { address: {} }, socket('')]) {
      expect(from(source, { 'x-forwarded-for': '203.0.113.9', forwarded: 'for=203.0.113.9' })).toBeUndefined();
    }
  });

  it('tells the features that the route requires', () => {
    const required = (value: string) => decodeCheckRequest(http({}, { 'weir.require': value })).requiredFeatures;
    expect(required('export, bulk,,')).toEqual(['export', 'bulk']);
    expect(required('')).toEqual([]);
    expect(decodeCheckRequest(http({}, { other: 'export' })).requiredFeatures).toEqual([]);
  });

  it('tells what the route costs: 1 unless it says otherwise, and nothing of what is no whole number', () => {
    const cost = (value: string) => decodeCheckRequest(http({}, { 'weir.cost': value })).cost;
    expect(decodeCheckRequest(http({})).cost).toBe(1);
    expect(['0', '1', '250', '4294967295'].map(cost)).toEqual([0, 1, 250, 4294967295]);
    for (const wrong of ['', '-1', '1.5', '1e3', '0x10', ' 1', 'ten', '4294967296', '9'.repeat(400), 'Infinity']) {
      expect(cost(wrong)).toBeUndefined();
    }
  });

  it('tells route and device, the latter by the header that is configured', () => {
    const message = http({ headers: { 'X-Device': 'phone', 'x-api-key': 'k' } }, { 'weir.route': 'login' });
    expect(decodeCheckRequest(message)).toMatchObject({ route: 'login', device: undefined });
    const withDevice = decodeCheckRequest(message, checkReading({ deviceHeader: 'x-device' }));
    expect(withDevice).toMatchObject({ route: 'login', device: 'phone', apiKeyHeader: 'k' });
  });

  it('lets who has no credential in only by the very word', () => {
    const optional = (value: string) => decodeCheckRequest(http({}, { 'weir.auth': value })).allowsAnonymous;
    expect(['optional', 'Optional', 'true', 'off', ''].map(optional)).toEqual([true, false, false, false, false]);
  });

  it('is a preflight that may pass by method and both headers, where the route lets it', () => {
    const isPreflight = (part: object, extension = 'allow') =>
      decodeCheckRequest(http(part, { 'weir.cors_preflight': extension })).isAllowedPreflight;
    const headers = { Origin: 'https://a.example', 'access-control-request-method': 'POST' };
    const raw = Object.entries(headers).map(([key, value]) => ({ key, value: '', rawValue: Buffer.from(value) }));
    expect(isPreflight({ method: 'OPTIONS', headers })).toBe(true);
    expect(isPreflight({ method: 'OPTIONS', headerMap: { headers: raw } })).toBe(true);
    for (const extension of ['', 'Allow', 'true', 'off']) {
      expect(isPreflight({ method: 'OPTIONS', headers }, extension)).toBe(false);
    }
    for (const method of ['', 'options', 'GET', 'POST', 'OPTIONSX'])
      expect(isPreflight({ method, headers })).toBe(false);
    for (const name of Object.keys(headers)) {
      expect(isPreflight({ method: 'OPTIONS', headers: { ...headers, [name]: '' } })).toBe(false);
    }
    expect(isPreflight({ method: 'OPTIONS' })).toBe(false);
  });

  it('may be empty', () => expect(decodeCheckRequest(new Uint8Array())).toMatchObject({ apiKeyHeader: undefined }));

  it('of bytes that are no such message is refused', () => {
    for (const bytes of ['0a05', 'ff', '0a020a', 'deadbeef']) {
      expect(() => decodeCheckRequest(Buffer.from(bytes, 'hex'))).toThrow(InvalidRequest);
    }
  });
});

const question = {
  requestIdHeader: 'r1',
  contentTypeHeader: undefined,
  apiKeyHeader: 'wk',
  queryKey: '',
  queryKeyNames: [],
  authorizationHeader: undefined,
  sourceAddress: undefined,
  rateLimitOff: false,
  device: undefined,
  route: undefined,
  requiredFeatures: [],
  allowsAnonymous: false,
  isAllowedPreflight: false,
  cost: 1,
  forgedHeaders: ['x-weir-role'],
};
const burst = {
  name: 'burst',
  algorithm: 'sliding_window',
  requests: 5,
  windowSeconds: 60,
  identity: 'burst',
} as const;
const day = {
  name: 'day',
  algorithm: 'calendar',
  unit: 'day',
  requests: 100,
  windowSeconds: 86_400,
  identity: 'day',
} as const;
const told = { exceeded: false, retryAfterSeconds: undefined };

function headersOf(options: readonly { header: { key: string; value: string } | undefined }[]) {
  return Object.fromEntries(options.map(({ header }) => [header?.key, header?.value]));
}

describe('an allowing CheckResponse', () => {
  const key = {
    id: 'k1',
    counterId: 'k1',
    accountId: 'a1',
    planId: 'team',
    conditions: NO_POLICY,
    disabled: false,
    expiresAt: undefined,
  };
  const response = CheckResponse.decode(
    encodeCheckResponse(
      {
        kind: 'allowed',
        question,
        credential: key,
        keyId: key.id,
        planId: key.planId,
        credentialHeader: 'x-api-key',
        removesAuthorization: true,
        limits: [
          { ...told, rule: 'plans/team', label: 'plans/team/burst', limit: burst, remaining: 3, resetSeconds: 60 },
          { ...told, rule: 'plans/team', label: 'plans/team/day', limit: day, remaining: 50, resetSeconds: 3600 },
        ],
        source: 'memory',
      },
      'all',
    ),
  );
  const ok = response.httpResponse?.$case === 'okResponse' ? response.httpResponse.value : undefined;

  it('says so in a status, because a missing one would let everybody in', () => expect(response.status?.code).toBe(0));

  it('overwrites the identity for the upstream, in both ways that an Envoy may know', () => {
    expect(headersOf(ok?.headers ?? [])).toEqual({ 'x-weir-account': 'a1', 'x-weir-key': 'k1', 'x-weir-plan': 'team' });
    for (const option of ok?.headers ?? []) expect(option).toMatchObject({ append: false, appendAction: 2 });
  });

  it('removes the credential, a second key and forged headers', () => {
    expect(ok?.headersToRemove.toSorted()).toEqual(['authorization', 'x-api-key', 'x-weir-role']);
  });

  it('gives Envoy’s rate-limit actions the identity as non-empty strings', () => {
    expect(response.dynamicMetadata).toMatchObject({ account: 'a1', api_key: 'k1', plan: 'team' });
  });

  it('tells the client all its limits, and the tightest in the older headers', () => {
    expect(headersOf(ok?.responseHeadersToAdd ?? [])).toEqual({
      'ratelimit-policy': '"burst";q=5;w=60, "day";q=100;w=86400',
      ratelimit: '"burst";r=3;t=60, "day";r=50;t=3600',
      'x-ratelimit-limit': '5',
      'x-ratelimit-remaining': '3',
      'x-ratelimit-reset': '60',
    });
  });
});

it('an answer that lets nobody in particular in takes every identity that the client claims away', () => {
  const verdict = { kind: 'anonymous', question, limits: [], source: 'catalog' } as const;
  const { status, httpResponse, dynamicMetadata } = CheckResponse.decode(encodeCheckResponse(verdict, 'all'));
  const ok = httpResponse?.$case === 'okResponse' ? httpResponse.value : undefined;
  expect({ code: status?.code, headers: ok?.headers, dynamicMetadata }).toEqual({
    code: 0,
    headers: [],
    dynamicMetadata: { source: 'catalog' },
  });
  expect(ok?.headersToRemove.toSorted()).toEqual(['x-weir-account', 'x-weir-key', 'x-weir-plan', 'x-weir-role']);
});

it('an allowing CheckResponse tells the plan that a key is on now, and who decided', () => {
  const credential = {
    id: 'k2',
    counterId: 'k2',
    accountId: 'a1',
    planId: 'pro',
    conditions: NO_POLICY,
    disabled: false,
    expiresAt: undefined,
  };
  const common = { question, credential, keyId: 'k2', credentialHeader: 'x-api-key', removesAuthorization: false };
  const told = (planId: string, source: string) => {
    const verdict = { ...common, kind: 'allowed', planId, limits: [], source } as CheckVerdict;
    return CheckResponse.decode(encodeCheckResponse(verdict, 'all')).dynamicMetadata;
  };
  expect(told('pro', 'redis')).toMatchObject({ plan: 'pro', source: 'redis' });
  expect(told('pro', 'fail-local')).toMatchObject({ plan: 'pro', source: 'fail-local' });
  // As when its account's plan changes: the record stays.
  expect(told('free', 'fail-local')).toMatchObject({ plan: 'free', source: 'fail-local' });
});

it('an allowing CheckResponse to a token without a plan names neither key nor plan, whatever the client says', () => {
  const credential = {
    issuerId: undefined,
    tokenId: 't1',
    sessionId: undefined,
    accountId: 'a1',
    planId: undefined,
    limits: [burst],
    features: [],
    isAdmin: false,
    issuedAt: undefined,
    notBefore: undefined,
    expiresAt: 0,
  };
  const { httpResponse, dynamicMetadata } = CheckResponse.decode(
    encodeCheckResponse(
      {
        kind: 'allowed',
        question,
        credential,
        keyId: undefined,
        planId: undefined,
        credentialHeader: 'authorization',
        removesAuthorization: false,
        limits: [],
        source: 'memory',
      },
      'all',
    ),
  );
  const ok = httpResponse?.$case === 'okResponse' ? httpResponse.value : undefined;
  expect(headersOf(ok?.headers ?? [])).toEqual({ 'x-weir-account': 'a1' });
  expect(ok?.headersToRemove.toSorted()).toEqual(['authorization', 'x-weir-key', 'x-weir-plan', 'x-weir-role']);
  expect(dynamicMetadata).toEqual({ account: 'a1', source: 'memory' });
});

describe('a denying CheckResponse', () => {
  const deny = (
    code: 'rate_limited' | 'unknown_credential' | 'invalid_configuration' | 'store_unavailable',
    retryAfterSeconds?: number,
    requestIdHeader = 'r1',
  ) => {
    const limits = [
      { rule: 'x', label: 'x', limit: burst, exceeded: true, remaining: 0, resetSeconds: 7, retryAfterSeconds },
    ];
    const shown = code === 'rate_limited' ? limits : [];
    const asked = { ...question, requestIdHeader };
    const verdict = {
      kind: 'denied',
      question: asked,
      code,
      limits: shown,
      retryAfterSeconds,
      source: 'memory',
    } as const;
    const response = CheckResponse.decode(encodeCheckResponse(verdict, 'all'));
    const denied = response.httpResponse?.$case === 'deniedResponse' ? response.httpResponse.value : undefined;
    return {
      code: response.status?.code,
      http: denied?.status?.code,
      headers: headersOf(denied?.headers ?? []),
      metadata: response.dynamicMetadata,
      denied,
    };
  };

  it.each([
    ['unknown_credential', 401],
    ['rate_limited', 429],
    ['invalid_configuration', 500],
    ['store_unavailable', 503],
  ] as const)('%s has the status %d, and a gRPC code that is not zero', (code, status) => {
    expect(deny(code)).toMatchObject({ http: status });
    expect(deny(code).code).toBeGreaterThan(0);
  });

  it('tells who decided', () => expect(deny('rate_limited').metadata).toEqual({ source: 'memory' }));

  it('has a JSON body with code, message and request id', () => {
    const { denied, headers } = deny('rate_limited');
    const error = { code: 'rate_limited', message: 'too many requests: try again later', request_id: 'r1' };
    expect(JSON.parse(denied?.body ?? '')).toEqual({ error });
    expect(headers['content-type']).toBe('application/json');
  });

  it.each(['', 'has space', 'ünicode', 'line\nbreak', 'x'.repeat(129)])(
    'has a request id that is made in place of the unusable %j',
    (requestIdHeader) => {
      const { error } = JSON.parse(deny('rate_limited', 7, requestIdHeader).denied?.body ?? '');
      expect(error.request_id).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  it('says how to authenticate after a 401, and when to come back after a 429 where that can be said', () => {
    expect(deny('unknown_credential').headers['www-authenticate']).toContain('Bearer');
    expect(deny('rate_limited', 7).headers).toMatchObject({ 'retry-after': '7', 'x-ratelimit-remaining': '0' });
    expect(deny('rate_limited').headers).not.toHaveProperty('retry-after');
  });
});

import { describe, expect, it } from 'vitest';
import type { CheckVerdict } from '../../decide/check/check-verdict.ts';
import { NO_POLICY } from '../../domain/credentials/api-key-policy.ts';
import type { DenialCode } from '../../domain/denial.ts';
import { CheckResponse } from '../../generated/envoy/service/auth/v3/external_auth.ts';
import { encodeCheckResponse } from './check-response.ts';

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
const key = {
  id: 'k1',
  counterId: 'k1',
  accountId: 'a1',
  planId: 'team',
  policy: NO_POLICY,
  disabled: false,
  expiresAt: undefined,
};
const allowedKey = {
  kind: 'allowed',
  question,
  credential: key,
  keyId: key.id,
  planId: key.planId,
  credentialHeader: 'x-api-key',
  removesAuthorization: false,
  limits: [],
  source: 'memory',
} as const;

const encodeAndDecode = (verdict: CheckVerdict) => CheckResponse.decode(encodeCheckResponse(verdict, 'all'));

/** The ok_response of a CheckResponse. */
function okResponse({ httpResponse }: CheckResponse) {
  if (httpResponse?.$case !== 'okResponse') throw new Error('the request was denied');
  return httpResponse.value;
}

function toHeaders(options: readonly { header: { key: string; value: string } | undefined }[]) {
  return Object.fromEntries(options.map(({ header }) => [header?.key, header?.value]));
}

describe('a CheckResponse that allows an API key', () => {
  const notExceeded = { exceeded: false, retryAfterSeconds: undefined };
  const response = encodeAndDecode({
    ...allowedKey,
    removesAuthorization: true,
    limits: [
      { ...notExceeded, rule: 'plans/team', label: 'plans/team/burst', limit: burst, remaining: 3, resetSeconds: 60 },
      { ...notExceeded, rule: 'plans/team', label: 'plans/team/day', limit: day, remaining: 50, resetSeconds: 3600 },
    ],
  });
  const ok = okResponse(response);

  it('has a status with code 0, because Envoy lets every request in whose status is missing', () => {
    expect(response.status?.code).toBe(0);
  });

  it('overwrites the identity headers for the upstream, in both ways that Envoy has', () => {
    expect(toHeaders(ok.headers)).toEqual({ 'x-weir-account': 'a1', 'x-weir-key': 'k1', 'x-weir-plan': 'team' });
    for (const option of ok.headers) expect(option).toMatchObject({ append: false, appendAction: 2 });
  });

  it('removes the credential, a second key and forged headers', () => {
    expect(ok.headersToRemove.toSorted()).toEqual(['authorization', 'x-api-key', 'x-weir-role']);
  });

  it('puts the identity into the dynamic metadata as non-empty strings, for Envoy’s rate-limit actions', () => {
    expect(response.dynamicMetadata).toMatchObject({ account: 'a1', api_key: 'k1', plan: 'team' });
  });

  it('reports all limits to the client, and the tightest in the older headers', () => {
    expect(toHeaders(ok.responseHeadersToAdd)).toEqual({
      'ratelimit-policy': '"burst";q=5;w=60, "day";q=100;w=86400',
      ratelimit: '"burst";r=3;t=60, "day";r=50;t=3600',
      'x-ratelimit-limit': '5',
      'x-ratelimit-remaining': '3',
      'x-ratelimit-reset': '60',
    });
  });

  it('shows the current plan and source, even if the key’s record is the same object as before', () => {
    const credential = { ...key };
    const encodeMetadata = (planId: string, source: string) => {
      // `source` is typed as the sources that exist; the test passes some of them as plain strings.
      const verdict = { ...allowedKey, credential, planId, source } as CheckVerdict;
      return encodeAndDecode(verdict).dynamicMetadata;
    };
    expect(encodeMetadata('pro', 'redis')).toMatchObject({ plan: 'pro', source: 'redis' });
    expect(encodeMetadata('pro', 'fail-local')).toMatchObject({ plan: 'pro', source: 'fail-local' });
    // The account's plan changed, which leaves the key's record as it is.
    expect(encodeMetadata('free', 'fail-local')).toMatchObject({ plan: 'free', source: 'fail-local' });
  });
});

describe('a CheckResponse that allows a token without a plan', () => {
  it('names neither key nor plan, and removes the client’s own headers of those names', () => {
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
    const response = encodeAndDecode({
      ...allowedKey,
      credential,
      keyId: undefined,
      planId: undefined,
      credentialHeader: 'authorization',
    });
    const ok = okResponse(response);
    expect(toHeaders(ok.headers)).toEqual({ 'x-weir-account': 'a1' });
    expect(ok.headersToRemove.toSorted()).toEqual(['authorization', 'x-weir-key', 'x-weir-plan', 'x-weir-role']);
    expect(response.dynamicMetadata).toEqual({ account: 'a1', source: 'memory' });
  });
});

describe('a CheckResponse that allows an anonymous request', () => {
  it('removes every identity header that the client sent', () => {
    const response = encodeAndDecode({ kind: 'anonymous', question, limits: [], source: 'catalog' });
    const ok = okResponse(response);
    expect(response.status?.code).toBe(0);
    expect(ok.headers).toEqual([]);
    expect(response.dynamicMetadata).toEqual({ source: 'catalog' });
    expect(ok.headersToRemove.toSorted()).toEqual(['x-weir-account', 'x-weir-key', 'x-weir-plan', 'x-weir-role']);
  });
});

describe('a CheckResponse that denies a request', () => {
  const deny = (code: DenialCode, retryAfterSeconds?: number, requestIdHeader = 'r1') => {
    const exceeded = {
      rule: 'x',
      label: 'x',
      limit: burst,
      exceeded: true,
      remaining: 0,
      resetSeconds: 7,
      retryAfterSeconds,
    };
    const response = encodeAndDecode({
      kind: 'denied',
      question: { ...question, requestIdHeader },
      code,
      limits: code === 'rate_limited' ? [exceeded] : [],
      retryAfterSeconds,
      source: 'memory',
    });
    const denied = response.httpResponse?.$case === 'deniedResponse' ? response.httpResponse.value : undefined;
    return {
      rpcCode: response.status?.code,
      httpStatus: denied?.status?.code,
      headers: toHeaders(denied?.headers ?? []),
      metadata: response.dynamicMetadata,
      body: denied?.body ?? '',
    };
  };

  it.each([
    ['unknown_credential', 401],
    ['rate_limited', 429],
    ['invalid_configuration', 500],
    ['store_unavailable', 503],
  ] as const)('answers %s with the HTTP status %d and a gRPC code other than 0', (code, status) => {
    const { httpStatus, rpcCode } = deny(code);
    expect(httpStatus).toBe(status);
    expect(rpcCode).toBeGreaterThan(0);
  });

  it('says in the dynamic metadata who decided', () => {
    expect(deny('rate_limited').metadata).toEqual({ source: 'memory' });
  });

  it('has a JSON body with code, message and request id', () => {
    const { body, headers } = deny('rate_limited');
    const error = { code: 'rate_limited', message: 'too many requests: try again later', request_id: 'r1' };
    expect(JSON.parse(body)).toEqual({ error });
    expect(headers['content-type']).toBe('application/json');
  });

  it.each(['', 'has space', 'ünicode', 'line\nbreak', 'x'.repeat(129)])(
    'replaces the unusable request id %j with a new one',
    (requestIdHeader) => {
      const { error } = JSON.parse(deny('rate_limited', 7, requestIdHeader).body);
      expect(error.request_id).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  it('has a challenge after 401', () => {
    expect(deny('unknown_credential').headers['www-authenticate']).toContain('Bearer');
  });

  it('has retry-after after 429 only if a retry is promised', () => {
    expect(deny('rate_limited', 7).headers).toMatchObject({ 'retry-after': '7', 'x-ratelimit-remaining': '0' });
    expect(deny('rate_limited').headers).not.toHaveProperty('retry-after');
  });
});

import { describe, expect, it } from 'vitest';
import type { CheckVerdict } from '../../decide/check/check-verdict.ts';
import { NO_POLICY } from '../../domain/credentials/api-key-policy.ts';
import { credentialFault, tokenTooLong } from '../../domain/credentials/credential-fault.ts';
import { DENIALS, type DenialCode } from '../../domain/denial.ts';
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
    const identity = { account: 'a1', api_key: 'k1', plan: 'team' };
    expect(response.dynamicMetadata).toEqual({ ...identity, source: 'memory', remaining: '3' });
  });

  it('puts the number of remaining requests into the dynamic metadata, whatever its length', () => {
    const remainings = [0, 9, 10, 1_234, 4_294_967_295, 7].map((remaining) => {
      const status = { rule: 'plans/team', label: 'plans/team/burst', limit: burst, remaining, resetSeconds: 60 };
      const encoded = encodeAndDecode({ ...allowedKey, limits: [{ ...notExceeded, ...status }] });
      expect(toHeaders(okResponse(encoded).headers)).toMatchObject({ 'x-weir-account': 'a1' });
      expect(encoded.dynamicMetadata).toMatchObject({ account: 'a1', plan: 'team', source: 'memory' });
      return encoded.dynamicMetadata?.remaining;
    });
    expect(remainings).toEqual(['0', '9', '10', '1234', '4294967295', '7']);
    expect(encodeAndDecode(allowedKey).dynamicMetadata).not.toHaveProperty('remaining');
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
  const deny = (
    code: DenialCode,
    retryAfterSeconds?: number,
    requestIdHeader = 'r1',
    change: Partial<CheckVerdict & { kind: 'denied' }> = {},
  ) => {
    const exceeded = {
      rule: 'plans/team',
      label: 'plans/team/burst',
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
      fault: undefined,
      proven: undefined,
      source: 'memory',
      ...change,
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

  describe('in its dynamic metadata', () => {
    const proven = { credential: key, keyId: 'k1', planId: 'team' };
    const request = { code: 'unknown_credential', request_id: 'r1', source: 'memory' };

    it('has the code, the request id and who decided, and no identity if none is known', () => {
      expect(deny('unknown_credential').metadata).toEqual(request);
    });

    it('names account, key and plan of a known credential', () => {
      const { metadata } = deny('unknown_credential', undefined, 'r1', { proven });
      expect(metadata).toEqual({ ...request, account: 'a1', api_key: 'k1', plan: 'team' });
    });

    it('leaves out key and plan of a token that has none', () => {
      const token = { credential: { ...key }, keyId: undefined, planId: undefined };
      const { metadata } = deny('unknown_credential', undefined, 'r1', { proven: token });
      expect(metadata).toEqual({ ...request, account: 'a1' });
    });

    it('names the current plan, even if the record of the credential is the same object as before', () => {
      const plans = ['pro', 'free', 'pro'].map((planId) => {
        return deny('expired_credential', undefined, 'r1', { proven: { ...proven, planId } }).metadata?.plan;
      });
      expect(plans).toEqual(['pro', 'free', 'pro']);
    });

    it('names rule and limit that refused, and what remains of it, as strings', () => {
      const expected = { rule: 'plans/team', limit: 'burst', remaining: '0', code: 'rate_limited' };
      expect(deny('rate_limited', 7).metadata).toEqual({ ...request, ...expected });
    });

    it('names the limit with the longest wait if several refused, and the rule even if two rules share the limit', () => {
      const status = { limit: burst, exceeded: true, remaining: 12, resetSeconds: 7, retryAfterSeconds: 7 };
      const limits = [
        { ...status, rule: 'edge.remote_address', label: 'edge.remote_address' },
        { ...status, rule: 'plans/team', label: 'plans/team/day', limit: day, remaining: 0, retryAfterSeconds: 3600 },
        { ...status, rule: 'edge.device', label: 'edge.device', retryAfterSeconds: 1 },
      ];
      const metadata = (statuses: typeof limits) => deny('rate_limited', 7, 'r1', { limits: statuses }).metadata;
      expect(metadata(limits)).toMatchObject({ rule: 'plans/team', limit: 'day', remaining: '0' });
      const [first, , third] = limits;
      if (first === undefined || third === undefined) throw new Error('the test has three limits');
      for (const { rule } of [first, third, first]) {
        expect(metadata([{ ...first, rule }])).toMatchObject({ rule, limit: 'burst', remaining: '12' });
      }
    });

    it('has the request id of the body, also if that is a new one', () => {
      const { metadata, body } = deny('unknown_credential', undefined, 'has space');
      expect(metadata?.request_id).toBe(JSON.parse(body).error.request_id);
      expect(metadata?.request_id).toMatch(/^[0-9a-f-]{36}$/);
    });
  });

  it('repeats a request id with quotes and backslashes as it is', () => {
    const { metadata, body } = deny('unknown_credential', undefined, 'a"b\\c');
    expect(JSON.parse(body).error.request_id).toBe('a"b\\c');
    expect(metadata?.request_id).toBe('a"b\\c');
  });

  it('has the message of its fault in place of that of its code', () => {
    const message = (code: DenialCode, change = {}) =>
      JSON.parse(deny(code, undefined, 'r1', change).body).error.message as string;
    const tooLong = tokenTooLong(1024);
    expect(message('malformed_credential', { fault: tooLong })).toBe(tooLong.message);
    expect(message('malformed_credential')).toBe(DENIALS.malformed_credential.message);
    expect(message('unknown_credential', { fault: credentialFault('signature') })).toBe(
      DENIALS.unknown_credential.message,
    );
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

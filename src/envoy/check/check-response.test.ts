import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CheckVerdict } from '../../decide/check/check-verdict.ts';
import { UNRESTRICTED } from '../../domain/account-state.ts';
import { NO_POLICY } from '../../domain/credentials/api-key-policy.ts';
import { credentialFault, tokenTooLong } from '../../domain/credentials/credential-fault.ts';
import { DENIALS, type DenialCode } from '../../domain/denial.ts';
import type { LimitStatus } from '../../domain/limits/limit-status.ts';
import { RESERVED_METADATA_KEYS } from '../../domain/limits/metadata-key.ts';
import { CheckResponse } from '../../generated/envoy/service/auth/v3/external_auth.ts';
import { encodeCheckResponse } from './check-response.ts';
import type { CheckAnswerOptions } from './denied-response.ts';
import { PublishedLimits } from './published-limits.ts';

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
  configurationFault: undefined,
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
  accountState: UNRESTRICTED,
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
  plan: { id: 'team', limits: [burst, day], features: [] },
  limits: [],
  source: 'memory',
} as const;

/** Has the length of a UUID, and perhaps characters that are not usable. */
const anyIdLikeUuid = fc.string({
  unit: fc.constantFrom('a', '0', '-', '~', '!', ' ', 'é', '\u0141', '\x7f', '"'),
  minLength: 36,
  maxLength: 36,
});

const NO_METADATA: CheckAnswerOptions = { rateLimitHeaders: 'all', checkErrors: 'deny' };
const WITH_METADATA: CheckAnswerOptions = { ...NO_METADATA, publishedLimits: new PublishedLimits(() => {}) };
/** The entries of `allowedKey` with WITH_METADATA. */
const PUBLISHED = {
  limits: {
    burst: { requests_per_unit: 5, unit: 'MINUTE' },
    day: { requests_per_unit: 100, unit: 'DAY' },
  },
};

const encodeAndDecode = (verdict: CheckVerdict, options = NO_METADATA) =>
  CheckResponse.decode(encodeCheckResponse(verdict, options));

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
    expect(response.dynamicMetadata).toEqual({ ...identity, source: 'memory', remaining: '3', request_id: 'r1' });
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

  it('puts the request’s own id into the dynamic metadata if it is usable, else a new one', () => {
    const isUsable = (id: string | undefined) => id !== undefined && /^[!-~]{1,128}$/.test(id);
    const anyId = fc.option(fc.oneof(fc.string(), fc.uuid(), anyIdLikeUuid), { nil: undefined });
    const remaining = fc.option(fc.integer({ min: 0, max: 2 ** 53 - 1 }), { nil: undefined });
    const options = fc.constantFrom(NO_METADATA, WITH_METADATA);
    const property = fc.property(
      anyId,
      remaining,
      fc.boolean(),
      options,
      (requestIdHeader, left, isAnonymous, option) => {
        const status = { rule: 'plans/team', label: 'plans/team/burst', limit: burst, resetSeconds: 60 };
        const limits = left === undefined ? [] : [{ ...notExceeded, ...status, remaining: left }];
        const common = { question: { ...question, requestIdHeader }, limits, source: 'memory' } as const;
        const { dynamicMetadata = {} } = encodeAndDecode(
          isAnonymous ? { kind: 'anonymous', ...common } : { ...allowedKey, ...common, credential: { ...key } },
          option,
        );
        const { request_id: requestId, ...others } = dynamicMetadata;
        if (isUsable(requestIdHeader)) expect(requestId).toBe(requestIdHeader);
        else expect(requestId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
        expect(others).toEqual({
          source: 'memory',
          ...(isAnonymous ? {} : { account: 'a1', api_key: 'k1', plan: 'team' }),
          ...(left === undefined ? {} : { remaining: String(left) }),
          ...(isAnonymous || option === NO_METADATA ? {} : PUBLISHED),
        });
      },
    );
    fc.assert(property, { numRuns: 1000 });
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

  it('publishes the limits of the current plan, even if the key’s record is the same object as before', () => {
    const credential = { ...key };
    const publish = (requests: number) => {
      const plan = { id: 'team', limits: [{ ...burst, requests }], features: [] };
      return encodeAndDecode({ ...allowedKey, credential, plan }, WITH_METADATA).dynamicMetadata?.limits;
    };
    for (const requests of [5, 1000, 5, 7]) {
      expect(publish(requests)).toEqual({ burst: { requests_per_unit: requests, unit: 'MINUTE' } });
    }
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
    expect(response.dynamicMetadata).toEqual({ account: 'a1', source: 'memory', request_id: 'r1' });
  });
});

describe('a CheckResponse that allows an anonymous request', () => {
  it('removes every identity header that the client sent', () => {
    const response = encodeAndDecode({ kind: 'anonymous', question, limits: [], source: 'catalog' });
    const ok = okResponse(response);
    expect(response.status?.code).toBe(0);
    expect(ok.headers).toEqual([]);
    expect(response.dynamicMetadata).toEqual({ source: 'catalog', request_id: 'r1' });
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

    it('writes no name that a limit could have as its metadata_key', () => {
      const configurationFault = { name: 'weir.x', description: 'must be y', message: undefined, isDenied: true };
      const { metadata = {} } = deny('rate_limited', 7, 'r1', {
        proven,
        question: { ...question, configurationFault },
      });
      const names = Object.keys({ ...metadata, ...PUBLISHED });
      expect(names.toSorted()).toEqual(RESERVED_METADATA_KEYS.toSorted());
    });

    it('has the request id of the body, also if that is a new one', () => {
      const { metadata, body } = deny('unknown_credential', undefined, 'has space');
      expect(metadata?.request_id).toBe(JSON.parse(body).error.request_id);
      expect(metadata?.request_id).toMatch(/^[0-9a-f-]{36}$/);
    });
  });

  it('is a problem of RFC 9457 if that is configured, for 429 with the violated policies', () => {
    const problem: CheckAnswerOptions = { ...NO_METADATA, errorFormat: 'problem' };
    const read = (code: DenialCode, limits: readonly LimitStatus[], requestIdHeader = 'r1') => {
      const { httpResponse } = encodeAndDecode(
        {
          ...{ kind: 'denied', question: { ...question, requestIdHeader }, code, limits, retryAfterSeconds: 7 },
          ...{ fault: undefined, proven: undefined, source: 'memory' },
        },
        problem,
      );
      if (httpResponse?.$case !== 'deniedResponse') throw new Error('the request was not denied');
      const { headers, body } = httpResponse.value;
      expect(toHeaders(headers)['content-type']).toBe('application/problem+json');
      return JSON.parse(body);
    };
    const status = { rule: 'x', label: 'x', remaining: 0, resetSeconds: 7, retryAfterSeconds: 7 };
    const limits = [
      { ...status, limit: burst, exceeded: true },
      { ...status, limit: day, exceeded: false },
      { ...status, limit: { ...burst, name: 'per "user" é' }, exceeded: true },
    ];
    expect(read('rate_limited', limits, 'a"b')).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Request cannot be satisfied as assigned quota has been exceeded',
      status: 429,
      detail: DENIALS.rate_limited.message,
      code: 'rate_limited',
      request_id: 'a"b',
      'violated-policies': ['burst', 'per "user" é'],
    });
    expect(read('unknown_route', [])).toEqual({
      type: 'about:blank',
      title: 'Forbidden',
      status: 403,
      detail: DENIALS.unknown_route.message,
      code: 'unknown_route',
      request_id: 'r1',
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

  it('has retry-after after 403 if the account is blocked, and no other header about limits', () => {
    const { httpStatus, headers } = deny('blocked_account', 30);
    expect([httpStatus, headers]).toEqual([403, { 'retry-after': '30', 'content-type': 'application/json' }]);
    expect(deny('disabled_account').headers).not.toHaveProperty('retry-after');
  });
});

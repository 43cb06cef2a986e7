import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RouteTable } from '../domain/routes/route-table.ts';
import { CheckRequest } from '../generated/envoy/service/auth/v3/external_auth.ts';
import { RateLimitRequest } from '../generated/envoy/service/ratelimit/v3/rls.ts';
import { prepareCheckExtraction } from './check/check-extraction.ts';
import { decodeCheckRequest } from './check/check-request.ts';
import { decodeRateLimitRequest } from './rate-limit/rate-limit-request.ts';
import { InvalidRequest } from './wire/decode-message.ts';

/** Ten years, the longest window. */
const MAX_MINUTES = 3650 * 24 * 60;

const value = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.string({ minLength: 120, maxLength: 400 }));
const headerName = fc.oneof(
  fc.constantFrom(
    'x-api-key',
    'authorization',
    'x-request-id',
    'x-weir-role',
    'x_weir_key',
    'x-forwarded-proto',
    ':path',
  ),
  fc.string({ maxLength: 20 }).map((name) => name.toLowerCase()),
);
const headers = fc.dictionary(headerName, value, { noNullPrototype: true });

/** Annotations of the route's resources, and other values in their places. */
const annotations = fc.dictionary(fc.constantFrom('weir.route', 'weir.auth', 'other'), fc.jsonValue(), {
  noNullPrototype: true,
});
const gateway = fc.record({
  resources: fc.oneof(fc.array(fc.record({ annotations }), { maxLength: 3 }), fc.jsonValue()),
});

const checkRequest = fc.record({
  attributes: fc.record({
    source: fc.record({ principal: value, labels: headers }),
    request: fc.record({
      http: fc.record({ id: value, method: value, headers, path: value, host: value, size: fc.nat(), body: value }),
    }),
    contextExtensions: fc.dictionary(fc.constantFrom('weir.rate_limit', 'other'), fc.constantFrom('off', 'on', '')),
    routeMetadataContext: fc.option(fc.record({ filterMetadata: fc.record({ 'envoy-gateway': gateway }) }), {
      nil: undefined,
    }),
  }),
});

const override = fc.record({
  requestsPerUnit: fc.nat(),
  unit: fc.constant(2),
  unitMultiplier: fc.option(fc.nat({ max: MAX_MINUTES }), { nil: undefined }),
});

const rateLimitRequest = fc.record({
  domain: fc.string({ minLength: 1 }),
  hitsAddend: fc.nat(),
  descriptors: fc.array(
    fc.record({
      entries: fc.array(fc.record({ key: value, value }), { minLength: 1, maxLength: 4 }),
      limit: fc.option(override, { nil: undefined }),
      hitsAddend: fc.option(fc.nat({ max: Number.MAX_SAFE_INTEGER }), { nil: undefined }),
      isNegativeHits: fc.boolean(),
    }),
    { minLength: 1, maxLength: 4 },
  ),
});

/** Fields that a later Envoy may send. Both decoders skip them, before and after the fields they know. */
const unknownFields = Buffer.from('f80101fa010361626381020102030405060708850201020304', 'hex');

/** Encodes a nested message whose length is below 2^14. */
function nested(field: number, ...parts: readonly Uint8Array[]): Buffer {
  const bytes = Buffer.concat(parts);
  const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7];
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...length]), bytes]);
}

/** The fields of a header in any order, repeated or missing, mixed with fields that only a later Envoy knows. */
const entryFields = fc.array(
  fc.oneof(
    fc.constantFrom('x-api-key', 'authorization', 'x-request-id').map((name) => nested(1, Buffer.from(name))),
    value.map((text) => nested(2, Buffer.from(text))),
    fc.constant(unknownFields),
  ),
  { maxLength: 4 },
);

describe('Weir’s decoders agree with the generated ones', () => {
  it('on every CheckRequest', () => {
    fc.assert(
      fc.property(checkRequest, (request) => {
        const bytes = Buffer.concat([unknownFields, CheckRequest.encode(CheckRequest.fromPartial(request)).finish()]);
        const attributes = CheckRequest.decode(bytes).attributes;
        const sent = attributes?.request?.http?.headers ?? {};
        const decoded = decodeCheckRequest(bytes);
        expect(decoded.apiKeyHeader).toBe(sent['x-api-key']);
        expect(decoded.authorizationHeader).toBe(sent.authorization);
        expect(decoded.rateLimitOff).toBe(attributes?.contextExtensions['weir.rate_limit'] === 'off');
        const forged = ['x-weir-role', 'x_weir_key'].filter((name) => name in sent);
        expect(decoded.forgedHeaders.toSorted()).toEqual(forged);
        expect(decoded.requestIdHeader).toBe(sent['x-request-id']);
      }),
    );
  });

  it('on a header whose fields are encoded in any way that protobuf allows', () => {
    fc.assert(
      fc.property(entryFields, (fields) => {
        const bytes = nested(1, nested(4, nested(2, nested(3, ...fields), unknownFields)));
        const sent = CheckRequest.decode(bytes).attributes?.request?.http?.headers ?? {};
        const { apiKeyHeader, authorizationHeader, requestIdHeader } = decodeCheckRequest(bytes);
        expect([apiKeyHeader, authorizationHeader, requestIdHeader]).toEqual([
          sent['x-api-key'],
          sent.authorization,
          sent['x-request-id'],
        ]);
      }),
    );
  });

  it('on every RateLimitRequest', () => {
    fc.assert(
      fc.property(rateLimitRequest, (request) => {
        const encoded = RateLimitRequest.encode(RateLimitRequest.fromPartial(request)).finish();
        const bytes = Buffer.concat([encoded, unknownFields]);
        const { domain, descriptors, hitsAddend } = RateLimitRequest.decode(bytes);
        expect(decodeRateLimitRequest(bytes)).toEqual({
          domain,
          descriptors: descriptors.map(({ entries, limit, hitsAddend: hits, isNegativeHits }) => ({
            entries,
            limitOverride: limit && {
              requests: limit.requestsPerUnit,
              windowSeconds: 60 * Math.max(1, limit.unitMultiplier ?? 1),
            },
            hits: hits ?? (hitsAddend || (isNegativeHits ? Number.MAX_SAFE_INTEGER : 1)),
            isRefund: isNegativeHits,
          })),
        });
      }),
    );
  });
});

const withRoutes = prepareCheckExtraction({}, { table: new RouteTable() });

describe('Weir’s decoders, given random bytes', () => {
  it.each([
    ['decodeCheckRequest', decodeCheckRequest],
    ['decodeCheckRequest with routes', (bytes: Uint8Array) => decodeCheckRequest(bytes, withRoutes)],
    ['decodeRateLimitRequest', decodeRateLimitRequest],
  ])('%s returns a request or throws InvalidRequest, and nothing else', (_, decode) => {
    const valid = [
      ...fc.sample(checkRequest, 20).map((request) => CheckRequest.encode(CheckRequest.fromPartial(request)).finish()),
      ...fc
        .sample(rateLimitRequest, 20)
        .map((request) => RateLimitRequest.encode(RateLimitRequest.fromPartial(request)).finish()),
    ];
    const mutation = fc.record({
      of: fc.nat(valid.length - 1),
      at: fc.nat(2000),
      byte: fc.nat(255),
      cut: fc.nat(2000),
    });
    fc.assert(
      fc.property(mutation, ({ of, at, byte, cut }) => {
        const bytes = Buffer.from(valid[of] ?? []).subarray(0, cut);
        if (at < bytes.length) bytes[at] = byte;
        try {
          decode(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidRequest);
        }
      }),
      { numRuns: 5000 },
    );
  });
});

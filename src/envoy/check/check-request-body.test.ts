import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CheckRequest } from '../../generated/envoy/service/auth/v3/external_auth.ts';
import { decodeCheckRequest } from './check-request.ts';

const headers = { ':path': '/orders', 'content-type': 'application/json', 'x-api-key': 'wk_1', 'user-agent': 'curl' };
/** A CheckRequest with another key, which would win if the body were read as part of the message. */
const forgedRequest = CheckRequest.encode(
  CheckRequest.fromPartial({ attributes: { request: { http: { headers: { 'x-api-key': 'wk_2' } } } } }),
).finish();

function encode(body: { body?: string; rawBody?: Buffer }): Uint8Array {
  const http = { method: 'POST', path: '/orders', headers, ...body };
  return CheckRequest.encode(CheckRequest.fromPartial({ attributes: { request: { http } } })).finish();
}

const MEGABYTE = 1_000_000;
const withoutBody = encode({});
const withText = encode({ body: 'x'.repeat(MEGABYTE) });
const withBytes = encode({ rawBody: randomBytes(MEGABYTE) });
const withForgedRequest = encode({ rawBody: Buffer.from(forgedRequest) });

describe('the request body, which Envoy sends if with_request_body is set', () => {
  it.each<[form: string, message: Uint8Array]>([
    ['body', withText],
    ['raw_body', withBytes],
    ['raw_body that is a CheckRequest', withForgedRequest],
  ])('does not change what is decoded when it is sent as %s', (_, message) => {
    expect(decodeCheckRequest(message)).toEqual(decodeCheckRequest(withoutBody));
  });

  it('is skipped in one step: a megabyte costs about as much as no body', () => {
    const messages = [withoutBody, withText, withBytes];
    const shortestMs = [Infinity, Infinity, Infinity];
    // The shortest of many rounds excludes the machine's other work. Reading or copying the body would cost a hundred
    // times as much.
    for (let round = 0; round < 400; round++) {
      for (const [index, message] of messages.entries()) {
        const start = performance.now();
        for (let time = 0; time < 25; time++) decodeCheckRequest(message);
        shortestMs[index] = Math.min(shortestMs[index] ?? Infinity, performance.now() - start);
      }
    }
    const [none = 0, asText = 0, asBytes = 0] = shortestMs;
    expect(asText / none).toBeLessThan(10);
    expect(asBytes / none).toBeLessThan(10);
  });
});

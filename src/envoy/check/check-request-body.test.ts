import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CheckRequest } from '../../generated/envoy/service/auth/v3/external_auth.ts';
import { decodeCheckRequest } from './check-request.ts';

const headers = { ':path': '/orders', 'content-type': 'application/json', 'x-api-key': 'wk_1', 'user-agent': 'curl' };
/** What it would read as, were it read as a message: another key. */
const forged = CheckRequest.encode(
  CheckRequest.fromPartial({ attributes: { request: { http: { headers: { 'x-api-key': 'wk_2' } } } } }),
).finish();

function request(body: { body?: string; rawBody?: Buffer }): Uint8Array {
  const http = { method: 'POST', path: '/orders', headers, ...body };
  return CheckRequest.encode(CheckRequest.fromPartial({ attributes: { request: { http } } })).finish();
}

const MEGABYTE = 1_000_000;
const without = request({});
const bodies: [form: string, message: Uint8Array][] = [
  ['body', request({ body: 'x'.repeat(MEGABYTE) })],
  ['raw_body', request({ rawBody: randomBytes(MEGABYTE) })],
  ['raw_body that is a CheckRequest', request({ rawBody: Buffer.from(forged) })],
];

describe('the body of a request, which Envoy sends along if its with_request_body says so', () => {
  it.each(bodies)('changes nothing of what is read, as %s', (_, message) => {
    expect(decodeCheckRequest(message)).toEqual(decodeCheckRequest(without));
  });

  it('is passed over at a step: a megabyte costs as much as none', () => {
    const fewest = [Infinity, Infinity, Infinity];
    const messages = [without, bodies[0]?.[1] ?? without, bodies[1]?.[1] ?? without];
    // The shortest of many turns: what else the machine does is in the others. Read or copied, it would be a hundred times.
    for (let round = 0; round < 400; round++) {
      for (const [place, message] of messages.entries()) {
        const start = performance.now();
        for (let time = 0; time < 25; time++) decodeCheckRequest(message);
        fewest[place] = Math.min(fewest[place] ?? Infinity, performance.now() - start);
      }
    }
    const [none = 0, asText = 0, asBytes = 0] = fewest;
    expect(asText / none).toBeLessThan(10);
    expect(asBytes / none).toBeLessThan(10);
  });
});

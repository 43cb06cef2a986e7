import { deepEqual, match, ok } from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { FIVE_A_MINUTE, FIVE_IN_THREE_SECONDS } from '../demo-stack.ts';
import {
  AUTHZ_AND_RATE_LIMIT_PATH,
  AUTHZ_ONLY_PATH,
  type Check,
  type CheckContext,
  createRequestWithKey,
  expectError,
  sendTimes,
} from './check.ts';

/** Checks how many requests pass on this path. */
export function createLimitChecks(path: string): readonly Check[] {
  return [
    {
      name: `${path}: rejects the sixth request of five a minute with 429`,
      run: (context) => checkSixthRequest(context, path),
    },
    { name: `${path}: retry-after is exact to the second`, run: (context) => checkRetryAfter(context, path) },
    {
      name: `${path}: sends each x-ratelimit-* header once, with what remains`,
      run: (context) => checkRateLimitHeaders(context, path),
    },
  ];
}

export const rejectionBodyCheck: Check = {
  name: `${AUTHZ_ONLY_PATH}: rejects a request over the limit with a JSON body`,
  async run({ send, admin }) {
    const key = await admin.createKey(FIVE_A_MINUTE.id);
    const responses = await sendTimes(6, send, createRequestWithKey(AUTHZ_ONLY_PATH, key));
    expectError(responses[5], 429, 'rate_limited');
  },
};

export const sharedBudgetCheck: Check = {
  name: 'a key has one budget, whichever filter charges it',
  async run({ send, admin }) {
    const key = await admin.createKey(FIVE_A_MINUTE.id);
    const statuses: number[] = [];
    for (const path of [
      AUTHZ_ONLY_PATH,
      AUTHZ_AND_RATE_LIMIT_PATH,
      AUTHZ_ONLY_PATH,
      AUTHZ_AND_RATE_LIMIT_PATH,
      AUTHZ_ONLY_PATH,
      AUTHZ_ONLY_PATH,
      AUTHZ_AND_RATE_LIMIT_PATH,
    ]) {
      statuses.push((await send(createRequestWithKey(path, key))).status);
    }
    deepEqual(statuses, [200, 200, 200, 200, 200, 429, 429]);
  },
};

async function checkSixthRequest({ send, admin }: CheckContext, path: string): Promise<void> {
  const key = await admin.createKey(FIVE_A_MINUTE.id);
  const responses = await sendTimes(6, send, createRequestWithKey(path, key));
  const statuses = responses.map(({ status }) => status);
  deepEqual(statuses, [200, 200, 200, 200, 200, 429]);
  match(String(responses[5]?.headers['retry-after']), /^(5\d|60)$/);
}

/**
 * Weir rounds retry-after up to whole seconds. So a request one second earlier must be rejected. The rejected requests
 * must not be charged either.
 */
async function checkRetryAfter({ send, admin }: CheckContext, path: string): Promise<void> {
  const key = await admin.createKey(FIVE_IN_THREE_SECONDS.id);
  const request = createRequestWithKey(path, key);
  await sendTimes(5, send, request);
  const rejected = await send(request);
  const rejectedAt = performance.now();
  deepEqual(rejected.status, 429);
  const seconds = Number(rejected.headers['retry-after']);
  ok(seconds >= 1 && seconds <= FIVE_IN_THREE_SECONDS.windowSeconds, `retry-after: ${seconds}`);
  await delay(rejectedAt + (seconds - 1) * 1000 - performance.now());
  const early = await send(request);
  deepEqual({ status: early.status, retryAfter: early.headers['retry-after'] }, { status: 429, retryAfter: '1' });
  await delay(rejectedAt + seconds * 1000 - performance.now());
  deepEqual((await send(request)).status, 200);
}

async function checkRateLimitHeaders({ send, admin }: CheckContext, path: string): Promise<void> {
  const key = await admin.createKey(FIVE_A_MINUTE.id);
  for (const remaining of ['4', '3', '2', '1', '0', '0']) {
    const { headers } = await send(createRequestWithKey(path, key));
    // Envoy's rate limit filter also lists the limits with their windows.
    match(String(headers['x-ratelimit-limit']), /^5(?:, \d+;w=\d+;name="[^"]+")*$/);
    deepEqual(headers['x-ratelimit-remaining'], remaining);
    match(String(headers['x-ratelimit-reset']), /^(5\d|60)$/);
  }
}

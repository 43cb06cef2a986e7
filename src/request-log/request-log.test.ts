import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LoggedRequest } from '../domain/logged-request.ts';
import { type DroppedRequests, RequestLog } from './request-log.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const REQUEST: LoggedRequest = {
  ...{
    timeMs: 0,
    requestId: '',
    accountId: undefined,
    apiKeyId: undefined,
    planId: undefined,
    route: '',
    method: 'GET',
  },
  ...{ path: '/', status: 200, code: '', durationMs: 1, requestBytes: 0, responseBytes: 0, peer: '', userAgent: '' },
};
const requests = (count: number) => Array.from({ length: count }, () => REQUEST);

/** A log whose writes wait until `proceed` is called, and fail with `failure` if there is one. */
function open() {
  const written: number[] = [];
  const dropped: [DroppedRequests, number][] = [];
  const state: { failure: Error | undefined } = { failure: undefined };
  const log = new RequestLog({
    async write(batch) {
      written.push(batch.length);
      if (state.failure !== undefined) throw state.failure;
    },
    isUnavailable: (error) => error instanceof Error && error.message === 'away',
    recordDropped: (reason, count) => dropped.push([reason, count]),
    log: { warn: () => {} },
  });
  return { log, written, dropped, state };
}

describe('the request log', () => {
  it('writes a batch when it is full, and the rest after a second', async () => {
    const { log, written } = open();
    for (let time = 0; time < 5; time++) log.add(requests(500));
    await vi.waitFor(() => expect(written).toEqual([1000, 1000]));
    await log.stop();
    expect(written).toEqual([1000, 1000, 500]);
  });

  it('drops requests without room, and counts them', async () => {
    const { log, written, dropped, state } = open();
    state.failure = new Error('away');
    log.add(requests(1000));
    await vi.waitFor(() => expect(written).toHaveLength(1));
    for (let time = 0; time < 20; time++) log.add(requests(1000));
    expect(dropped).toEqual([['full', 1000]]);
    state.failure = undefined;
    await log.stop();
    expect(written).toEqual(Array(21).fill(1000));
    expect(dropped).toEqual([['full', 1000]]);
  });

  it('keeps requests while Postgres is away, and counts those that it refuses', async () => {
    const { log, written, dropped, state } = open();
    state.failure = new Error('away');
    log.add(requests(1000));
    await vi.waitFor(() => expect(written).toHaveLength(1));
    expect(dropped).toEqual([]);
    state.failure = new Error('value too long');
    await log.stop();
    expect(written).toEqual([1000, 1000]);
    expect(dropped).toEqual([['failed', 1000]]);
  });
});

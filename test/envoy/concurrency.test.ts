import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { setFilterField } from '../../demo/envoy-configuration.ts';
import { sendOverHttp1 } from '../../demo/http-clients.ts';
import type { Envoy } from '../../demo/start-envoy.ts';
import { newDatabase } from '../support/databases.ts';
import { EnvoyExample } from '../support/envoy/envoy-example.ts';

/** Short enough to wait for. The example has a minute. */
const WINDOW_SECONDS = 4;
const WINDOW_IS_OVER_MS = WINDOW_SECONDS * 1000 + 100;

let example: EnvoyExample;
let envoy: Envoy;
let key: string;

beforeAll(async () => {
  const shortenWindow = (rules: string) => rules.replace('window: 60s', `window: ${WINDOW_SECONDS}s`);
  example = await EnvoyExample.start('concurrency', await newDatabase(), shortenWindow);
  envoy = await example.envoy();
  key = await example.newKey();
}, 600_000);
afterEach(async () => {
  example.upstream.answerAll();
  await sleep(WINDOW_IS_OVER_MS); // slots that the test has left taken become free
});
afterAll(() => example?.stop());

const send = async (origin = envoy.origin): Promise<number> =>
  (await sendOverHttp1(origin, { path: '/', headers: [['x-api-key', key]] })).status;

/** Sends requests until one is rejected, at most ten. Returns how many passed before it; they stay in flight. */
async function countFreeSlots(origin = envoy.origin): Promise<number> {
  const before = example.upstream.inFlight;
  for (let sent = 0; sent < 10; sent++) {
    const answered = send(origin).catch(() => 0); // the test may kill its Envoy before the answer
    const status = await Promise.race([answered, waitUntilInFlight(before + sent + 1)]);
    if (status === 429) return sent;
  }
  return 10;
}

async function waitUntilInFlight(count: number): Promise<undefined> {
  while (example.upstream.inFlight < count) await sleep(5);
}

describe('the example for concurrent requests', () => {
  it('lets two requests be in flight; each that ends frees a slot, and a rejected one does not', async () => {
    const first = send();
    const second = send();
    await example.upstream.untilInFlight(2);
    for (let rejected = 0; rejected < 5; rejected++) expect(await send()).toBe(429);
    example.upstream.answer();
    expect([await Promise.race([first, second])]).toEqual([200]);
    await expect.poll(() => countFreeSlots()).toBe(1);
    expect(await countFreeSlots()).toBe(0);
  });

  it('frees the slot of a request that ended with an error, or whose client left', async () => {
    void send();
    await example.upstream.untilInFlight(1);
    example.upstream.answer(500);
    const leaving = new AbortController();
    const left = fetch(envoy.origin, { headers: { 'x-api-key': key }, signal: leaving.signal });
    await example.upstream.untilInFlight(1);
    leaving.abort();
    await expect(left).rejects.toThrow();
    await example.upstream.untilInFlight(0);
    await sleep(300); // Envoy sends the calls at the end of streams without waiting for their answers
    expect(await countFreeSlots()).toBe(2);
  });

  it('frees the slots of an Envoy that was killed once their window is over', async () => {
    const killed = await example.envoy();
    expect(await countFreeSlots(killed.origin)).toBe(2);
    await killed.kill();
    expect(await send()).toBe(429);
    await sleep(WINDOW_IS_OVER_MS);
    example.upstream.answerAll();
    expect(await countFreeSlots()).toBe(2);
  });

  it('frees nothing after requests that Weir did not answer in time', async () => {
    const hasty = await example.envoy(setFilterField('envoy.filters.http.ratelimit', ['timeout'], '0.001s'));
    expect(await countFreeSlots()).toBe(2);
    const statuses = await Promise.all(Array.from({ length: 20 }, () => send(hasty.origin)));
    expect(statuses.filter((status) => status !== 429 && status !== 503)).toEqual([]);
    expect(await send()).toBe(429);
    expect(example.upstream.inFlight).toBe(2);
  });
});

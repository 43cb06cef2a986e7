import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { askOverHttp1 } from '../../demo/client.ts';
import { type Envoy, ofFilter } from '../../demo/envoy.ts';
import { newDatabase } from '../support/databases.ts';
import { EnvoyExample } from '../support/envoy-example.ts';

/** Short enough to be waited for; the example has a minute. */
const WINDOW_SECONDS = 4;

let example: EnvoyExample;
let envoy: Envoy;
let key: string;

beforeAll(async () => {
  const shorter = (rules: string) => rules.replace('window: 60s', `window: ${WINDOW_SECONDS}s`);
  example = await EnvoyExample.start('concurrency', await newDatabase(), shorter);
  envoy = await example.envoy();
  key = await example.newKey();
}, 600_000);
afterEach(async () => {
  example.upstream.answerAll();
  await sleep(WINDOW_SECONDS * 1000 + 100); // whatever a test has left behind
});
afterAll(() => example?.stop());

const ask = async (origin = envoy.origin): Promise<number> =>
  (await askOverHttp1(origin, { path: '/', headers: [['x-api-key', key]] })).status;

/** Requests that are let in before one is refused, at most ten. */
async function free(origin = envoy.origin): Promise<number> {
  const before = example.upstream.inFlight;
  for (let asked = 0; asked < 10; asked++) {
    const answered = ask(origin).catch(() => 0); // its Envoy may be gone by then
    const refused = await Promise.race([answered, inFlight(before + asked + 1)]);
    if (refused === 429) return asked;
  }
  return 10;
}

async function inFlight(count: number): Promise<undefined> {
  while (example.upstream.inFlight < count) await sleep(5);
}

test('two requests are in flight at a time; each that ends makes room for one, and a refused one for none', async () => {
  const first = ask();
  const second = ask();
  await example.upstream.untilInFlight(2);
  for (let refused = 0; refused < 5; refused++) expect(await ask()).toBe(429);
  example.upstream.answer();
  expect([await Promise.race([first, second])]).toEqual([200]);
  await expect.poll(() => free()).toBe(1);
  expect(await free()).toBe(0);
});

test('it makes room however it ended: with an error, by its client, or out of time', async () => {
  void ask();
  await example.upstream.untilInFlight(1);
  example.upstream.answer(500);
  const leaving = new AbortController();
  const left = fetch(envoy.origin, { headers: { 'x-api-key': key }, signal: leaving.signal });
  await example.upstream.untilInFlight(1);
  leaving.abort();
  await expect(left).rejects.toThrow();
  await example.upstream.untilInFlight(0);
  await sleep(300); // the calls at the streams' ends are answered to nobody
  expect(await free()).toBe(2);
});

test('an Envoy that is killed leaks no slot beyond its window', async () => {
  const killed = await example.envoy();
  expect(await free(killed.origin)).toBe(2);
  await killed.kill();
  expect(await ask()).toBe(429);
  await sleep(WINDOW_SECONDS * 1000 + 100);
  example.upstream.answerAll();
  expect(await free()).toBe(2);
});

test('requests that Weir does not answer in time free nothing', async () => {
  const hasty = await example.envoy(ofFilter('envoy.filters.http.ratelimit', ['timeout'], '0.001s'));
  const taken = await free();
  expect(taken).toBe(2);
  const statuses = await Promise.all(Array.from({ length: 20 }, () => ask(hasty.origin)));
  expect(statuses.filter((status) => status !== 429 && status !== 503)).toEqual([]);
  expect(await ask()).toBe(429);
  expect(example.upstream.inFlight).toBe(2);
});

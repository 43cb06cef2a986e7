import { deepEqual, match, ok } from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { FIVE_A_MINUTE, FIVE_IN_THREE_SECONDS } from '../demo-stack.ts';
import { askTimes, BOTH_FILTERS, type Check, expectRefusal, ONE_FILTER, type Scene, withKey } from './check.ts';

/** How many may come in on this path. */
export function limitChecks(path: string): readonly Check[] {
  return [
    { name: `${path}: the sixth request of five a minute is refused with 429`, run: (scene) => sixth(scene, path) },
    { name: `${path}: retry-after is true, to the second`, run: (scene) => retryAfter(scene, path) },
    { name: `${path}: clients are told what is left in x-ratelimit-*, once`, run: (scene) => told(scene, path) },
  ];
}

export const refusalBody: Check = {
  name: `${ONE_FILTER}: who is over the limit is told so in JSON`,
  async run({ ask, administrator }) {
    const key = await administrator.createKey(FIVE_A_MINUTE.id);
    const answers = await askTimes(6, ask, withKey(ONE_FILTER, key));
    expectRefusal(answers[5], 429, 'rate_limited');
  },
};

async function told({ ask, administrator }: Scene, path: string): Promise<void> {
  const key = await administrator.createKey(FIVE_A_MINUTE.id);
  for (const remaining of ['4', '3', '2', '1', '0', '0']) {
    const { headers } = await ask(withKey(path, key));
    const limitAndRest = [headers['x-ratelimit-limit'], headers['x-ratelimit-remaining']];
    deepEqual(limitAndRest, ['5', remaining]);
    match(String(headers['x-ratelimit-reset']), /^(5\d|60)$/);
  }
}

export const oneBudget: Check = {
  name: 'a key has one budget, whichever filter asks',
  async run({ ask, administrator }) {
    const key = await administrator.createKey(FIVE_A_MINUTE.id);
    const paths = [ONE_FILTER, BOTH_FILTERS, ONE_FILTER, BOTH_FILTERS, ONE_FILTER, ONE_FILTER, BOTH_FILTERS];
    const statuses: number[] = [];
    for (const path of paths) statuses.push((await ask(withKey(path, key))).status);
    deepEqual(statuses, [200, 200, 200, 200, 200, 429, 429]);
  },
};

async function sixth({ ask, administrator }: Scene, path: string): Promise<void> {
  const key = await administrator.createKey(FIVE_A_MINUTE.id);
  const answers = await askTimes(6, ask, withKey(path, key));
  const statuses = answers.map(({ status }) => status);
  deepEqual(statuses, [200, 200, 200, 200, 200, 429]);
  match(String(answers[5]?.headers['retry-after']), /^(5\d|60)$/);
}

/** Whole seconds are rounded up, so a second less must be too early, and the refusals on the way must cost nothing. */
async function retryAfter({ ask, administrator }: Scene, path: string): Promise<void> {
  const key = await administrator.createKey(FIVE_IN_THREE_SECONDS.id);
  const question = withKey(path, key);
  await askTimes(5, ask, question);
  const refused = await ask(question);
  const refusedAt = performance.now();
  deepEqual(refused.status, 429);
  const seconds = Number(refused.headers['retry-after']);
  ok(seconds >= 1 && seconds <= FIVE_IN_THREE_SECONDS.windowSeconds, `retry-after: ${seconds}`);
  await delay(refusedAt + (seconds - 1) * 1000 - performance.now());
  const early = await ask(question);
  deepEqual({ status: early.status, retryAfter: early.headers['retry-after'] }, { status: 429, retryAfter: '1' });
  await delay(refusedAt + seconds * 1000 - performance.now());
  deepEqual((await ask(question)).status, 200);
}

import { afterAll, beforeAll, expect, it } from 'vitest';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { callFrom } from '../../support/clients/call-from-address.ts';
import { ADMINISTRATOR } from '../../support/node.ts';
import { startWithDefaultLimits } from '../start-with-default-limits.ts';

const NETWORKS = 50;
const GUESSES_PER_NETWORK = 20;
/** A wait that nobody notices. */
const SHORT_MS = 1_000;

let started: Awaited<ReturnType<typeof startWithDefaultLimits>>;

beforeAll(async () => {
  started = await startWithDefaultLimits();
});
afterAll(() => started?.weir.stop());

/** Signs the administrator in from an address. Returns the time that it took, in ms. */
async function timeSignIn(address: string): Promise<number> {
  const sentAt = performance.now();
  const [response] = await callFrom(address, started.ports.admin, AuthServiceService.login, [ADMINISTRATOR]);
  expect(response?.code).toBe(0);
  return performance.now() - sentAt;
}

it('while 50 networks guess 1,000 passwords, an administrator elsewhere signs in as if few did', async () => {
  const idle = Math.max(await timeSignIn('127.5.0.1'), await timeSignIn('127.5.0.2'));
  let isOver = false;
  const guesses = Array.from({ length: NETWORKS }, (_, network) => {
    // Of different e-mail addresses, so that no limit but that of the network ends the attack.
    const requests = Array.from({ length: GUESSES_PER_NETWORK }, (_, index) => {
      return { email: `${network}-${index}@example.com`, password: 'a guess' };
    });
    return callFrom(`127.6.0.${network + 1}`, started.ports.admin, AuthServiceService.login, requests);
  });
  const attack = Promise.all(guesses).then(() => {
    isOver = true;
  });
  const times: number[] = [];
  for (let host = 10; host < 15; host++) {
    const time = await timeSignIn(`127.5.0.${host}`);
    if (!isOver) times.push(time);
  }
  await attack;
  times.sort((one, other) => one - other);
  const median = times[Math.floor(times.length / 2)] ?? expect.unreachable('the attack was over too soon');
  // A sign-in waits for those that run, four at most, and for a turn of a known network.
  expect(median).toBeLessThan(Math.max(SHORT_MS, 8 * idle));
});

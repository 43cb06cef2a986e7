import { afterAll, beforeAll, expect, it } from 'vitest';
import { newDatabase } from '../../support/databases.ts';
import { newEmail, startHolderNode } from '../account-holder.ts';

const TRIES = 100;

let holder: Awaited<ReturnType<typeof startHolderNode>>;
let verified: Awaited<ReturnType<typeof startHolderNode>>;

beforeAll(async () => {
  const url = await newDatabase();
  holder = await startHolderNode(url);
  verified = await startHolderNode(url, { REGISTRATION: 'verified' });
});
afterAll(async () => {
  await verified.stop();
  await holder.stop();
});

type Call = (email: string) => Promise<unknown>;

async function measureMs(call: Call, email: string): Promise<number> {
  const startedAt = performance.now();
  await call(email).catch(() => {});
  return performance.now() - startedAt;
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/**
 * The median of the time for a known address, divided by that for unknown ones. The calls alternate, `atOnce` of them at a
 * time.
 */
async function compare(call: Call, known: string, atOnce: number): Promise<number> {
  const times: { readonly known: number[]; readonly unknown: number[] } = { known: [], unknown: [] };
  for (let tries = 0; tries < TRIES; tries += atOnce) {
    const batch = Array.from({ length: atOnce }, async () => {
      times.known.push(await measureMs(call, known));
      times.unknown.push(await measureMs(call, newEmail()));
    });
    await Promise.all(batch);
  }
  return median(times.known) / median(times.unknown);
}

it.each<readonly [string, number, () => Call]>([
  // One after the other, because calls wait for each other's password hashes.
  ['Login', 1, () => (email) => holder.auth.login({ email, password: 'a wrong password' })],
  [
    'Register with REGISTRATION=verified',
    4,
    () => (email) => verified.auth.register({ email, password: 'a new password' }),
  ],
  ['RequestPasswordReset', 4, () => (email) => holder.auth.requestPasswordReset({ email })],
])('%s takes the same time for known and unknown addresses', { timeout: 300_000 }, async (_, atOnce, createCall) => {
  const { email } = await holder.register();
  const ratio = await compare(createCall(), email, atOnce);
  expect(ratio).toBeGreaterThan(0.8);
  expect(ratio).toBeLessThan(1.25);
});

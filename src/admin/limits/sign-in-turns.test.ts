import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { SignInTurns } from './sign-in-turns.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Calls that run until `endNext`, which ends the one that runs for the longest time. */
function open() {
  const turns = new SignInTurns();
  const started: string[] = [];
  const running: (() => void)[] = [];
  const timeouts: string[] = [];
  const nextTurn = () => new Promise((resolve) => setImmediate(resolve));
  const call = (network: string) =>
    turns.run(
      network,
      () => {
        started.push(network);
        return new Promise<void>((resolve) => running.push(resolve));
      },
      () => timeouts.push(network),
    );
  return {
    turns,
    started,
    timeouts,
    call,
    async start(...networks: readonly string[]) {
      for (const network of networks) call(network).catch(() => {});
      await nextTurn();
    },
    async endNext() {
      running.shift()?.();
      await nextTurn();
    },
  };
}

it('four sign-ins run at the same time, and the next is that of a network that had no turn', async () => {
  const { started, start, endNext } = open();
  await start(...Array<string>(10).fill('flood'), 'other');
  expect(started).toEqual(['flood', 'flood', 'flood', 'flood']);
  await endNext();
  await start('late');
  for (let turn = 0; turn < 3; turn++) await endNext();
  expect(started.slice(4)).toEqual(['other', 'late', 'flood', 'flood']);
});

it('networks from which somebody has signed in have every other turn', async () => {
  const { turns, started, start, endNext } = open();
  turns.trust('home');
  await start(...Array<string>(4).fill('flood'));
  await start('a', 'b', 'c', 'home', 'home');
  for (let turn = 0; turn < 5; turn++) await endNext();
  expect(started.slice(4)).toEqual(['c', 'home', 'b', 'home', 'a']);
});

it('a sign-in that gets no turn within 5 seconds is rejected, and the others keep theirs', async () => {
  const { started, timeouts, start, call, endNext } = open();
  await start(...Array<string>(4).fill('flood'));
  const waiting = call('late').catch((error: Error) => error.message);
  vi.advanceTimersByTime(5_000);
  expect(await waiting).toBe('busy');
  expect(timeouts).toEqual(['late']);
  await start('next');
  for (let turn = 0; turn < 5; turn++) await endNext();
  await start('again');
  expect(started.slice(4)).toEqual(['next', 'again']);
});

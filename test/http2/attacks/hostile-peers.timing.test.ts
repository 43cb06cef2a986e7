import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ATTACK_NAMES, useAttackedServer } from './attacked-server.ts';

const SLOT_MS = 100;
const SLOTS = 11;

const server = useAttackedServer();

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

describe.for(ATTACK_NAMES)('the attack "%s"', (name) => {
  // Other work on the machine can only lower a rate, with the attack or without it. So the test measures many short
  // slots, and may try again.
  it('leaves a well-behaved connection at least 80% of its rate', { retry: 2 }, async () => {
    const load = server.startLoad();
    await sleep(300);
    const attacker = await server.attack(name);
    await sleep(400);
    const ratios: number[] = [];
    for (let slot = 0; slot < SLOTS; slot++) {
      attacker.kill('SIGSTOP');
      await sleep(10);
      const alone = await load.rate(SLOT_MS);
      attacker.kill('SIGCONT');
      ratios.push((await load.rate(SLOT_MS)) / alone);
    }
    expect(attacker.exitCode).toBeNull();
    expect(load.isAlive).toBe(true);
    expect(median(ratios)).toBeGreaterThan(0.8);
  });
});

import { describe, expect, it } from 'vitest';
import { ATTACK_NAMES, useAttackedServer } from './attacked-server.ts';

const MAX_GROWTH_BYTES = 64 * 1024 * 1024;
/** Calls that a well-behaved client completes during an attack: enough for the attack to take effect. */
const CALLS = 20_000;

const server = useAttackedServer();

describe.for(ATTACK_NAMES)('the attack "%s"', (name) => {
  it('does not exhaust memory, and fails no call of a well-behaved connection', async () => {
    const load = server.startLoad();
    await load.complete(CALLS / 10);
    const before = await server.measureMemory();
    const attacker = await server.attack(name);
    await load.complete(CALLS);
    expect(attacker.exitCode).toBeNull();
    expect(load.isAlive).toBe(true);
    // While the attack goes on. On a busy machine, memory that is free already is given back a moment later.
    await expect.poll(async () => (await server.measureMemory()) - before).toBeLessThan(MAX_GROWTH_BYTES);
  });
});

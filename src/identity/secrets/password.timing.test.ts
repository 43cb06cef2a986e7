import { describe, expect, it } from 'vitest';
import { hashPassword, verifyPassword } from './password.ts';

describe('the time to reject a password', () => {
  it('is the same whether or not there is an account', async () => {
    const hash = await hashPassword('correct');
    const measureMs = async (passwordHash: string | null) => {
      const startedAt = performance.now();
      for (let round = 0; round < 5; round += 1) expect(await verifyPassword('wrong', passwordHash)).toBe(false);
      return performance.now() - startedAt;
    };
    await measureMs(hash); // warms up
    const ratio = (await measureMs(null)) / (await measureMs(hash));
    expect(ratio).toBeGreaterThan(0.2);
    expect(ratio).toBeLessThan(5);
  });
});

import { describe, expect, it } from 'vitest';
import { hashPassword, verifyPassword } from './password.ts';

describe('a password hash', () => {
  it('verifies its own password and no other', async () => {
    const hash = await hashPassword('correct');
    expect(await verifyPassword('correct', hash)).toBe(true);
    expect(await verifyPassword('Correct', hash)).toBe(false);
    expect(await verifyPassword('', hash)).toBe(false);
  });

  it('is argon2id with 19 MiB, two passes and one lane, and names these parameters', async () => {
    expect(await hashPassword('x')).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[^$]{22}\$[^$]{43}$/);
  });

  it('is different each time for the same password', async () => {
    expect(await hashPassword('same')).not.toBe(await hashPassword('same'));
  });

  it('verifies no password if there is no account', async () => {
    expect(await verifyPassword('', null)).toBe(false);
    expect(await verifyPassword('wrong', null)).toBe(false);
  });

  it('is verified for every one of many concurrent sign-ins', async () => {
    const hash = await hashPassword('correct');
    const results = await Promise.all(
      Array.from({ length: 10 }, (_, index) => verifyPassword(index % 2 ? 'correct' : '', hash)),
    );
    expect(results.filter(Boolean)).toHaveLength(5);
  });
});

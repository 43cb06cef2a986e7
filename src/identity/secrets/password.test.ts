import { expect, test } from 'vitest';
import { hashPassword, verifyPassword } from './password.ts';

test('a password has its hash, another one has not', async () => {
  const hash = await hashPassword('correct');
  expect(await verifyPassword('correct', hash)).toBe(true);
  expect(await verifyPassword('Correct', hash)).toBe(false);
  expect(await verifyPassword('', hash)).toBe(false);
});

test('a hash is argon2id with 19 MiB, two passes and one lane, and names them', async () => {
  expect(await hashPassword('x')).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[^$]{22}\$[^$]{43}$/);
});

test('two hashes of one password differ', async () => {
  expect(await hashPassword('same')).not.toBe(await hashPassword('same'));
});

test('without an account the answer is no, whatever the password, and takes as long as with one', async () => {
  const hash = await hashPassword('correct');
  const timeOf = async (passwordHash: string | undefined) => {
    const started = performance.now();
    for (let round = 0; round < 5; round += 1) expect(await verifyPassword('wrong', passwordHash)).toBe(false);
    return performance.now() - started;
  };
  await timeOf(hash); // warms up
  const ratio = (await timeOf(undefined)) / (await timeOf(hash));
  expect(ratio).toBeGreaterThan(0.2);
  expect(ratio).toBeLessThan(5);
});

test('many at once all end', async () => {
  const hash = await hashPassword('correct');
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, at) => verifyPassword(at % 2 ? 'correct' : '', hash)),
  );
  expect(answers.filter(Boolean)).toHaveLength(5);
});

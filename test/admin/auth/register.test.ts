import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AccountEntity } from '../../../src/database/entities/account-entity.ts';
import { newDatabase } from '../../support/databases.ts';
import { newEmail, PASSWORD, startHolderNode } from '../account-holder.ts';
import { ADMIN, expectFailure } from '../admin-node.ts';

let open: Awaited<ReturnType<typeof startHolderNode>>;
let closed: Awaited<ReturnType<typeof startHolderNode>>;
let verified: Awaited<ReturnType<typeof startHolderNode>>;

beforeAll(async () => {
  const url = await newDatabase();
  open = await startHolderNode(url);
  closed = await startHolderNode(url, { REGISTRATION: 'closed' });
  verified = await startHolderNode(url, { REGISTRATION: 'verified' });
});
afterAll(async () => {
  for (const node of [open, closed, verified]) await node.stop();
});

const countAccounts = () => open.node.database.em.fork().count(AccountEntity, {});

describe('Register', () => {
  it('creates an account of the role user on the plan free, and signs in to it', async () => {
    const email = newEmail();
    const { account, accessToken, refreshToken, expiresIn } = await open.auth.register({
      email: email.toUpperCase(),
      password: PASSWORD,
      displayName: 'Ada Lovelace',
    });
    expect(account).toMatchObject({ email, displayName: 'Ada Lovelace', role: 'user', plan: 'plans/free' });
    expect(account).toMatchObject({ emailVerified: false, disabled: false, etag: '"1"' });
    expect(expiresIn).toBe(900);
    const profile = await open.auth.getProfile({}, { authorization: `Bearer ${accessToken}` });
    expect(profile).toMatchObject({ name: account?.name, email, etag: '"1"', lastSignInTime: expect.any(Date) });
    await open.auth.refreshToken({ refreshToken });
    await open.auth.login({ email, password: PASSWORD });
  });

  it.each([
    ['nothing', { email: '', password: '' }, ['email', 'password']],
    ['no e-mail address', { email: '' }, ['email']],
    ['an address without @', { email: 'ada.example.com' }, ['email']],
    ['an address with a space', { email: 'ada lovelace@example.com' }, ['email']],
    ['an address with a NUL', { email: 'ada\0@example.com' }, ['email']],
    ['an address of 255 characters', { email: `${'a'.repeat(243)}@example.com` }, ['email']],
    ['no password', { password: '' }, ['password']],
    ['a password of 7 characters', { password: 'xY9#kd2' }, ['password']],
    ['a password of 7 characters outside the basic plane', { password: '🦀🦑🐙🦐🦞🐡🐠' }, ['password']],
    ['a password of 1,025 characters', { password: 'é'.repeat(1_025) }, ['password']],
    ['the address as password', { email: 'ada@example.com', password: 'ADA@example.com' }, ['password']],
    ['a common password', { password: 'password1' }, ['password']],
    ['a common password in capitals', { password: 'QWERTYUIOP' }, ['password']],
    ['a name of 201 characters', { displayName: 'x'.repeat(201) }, ['display_name']],
    ['a name with a line break', { displayName: 'a\nb' }, ['display_name']],
    ['several faults', { email: 'ada', password: 'short', displayName: '\0' }, ['email', 'password', 'display_name']],
  ])('rejects %s, names the field, and repeats nothing', async (_, change, fields) => {
    const valid = { email: newEmail(), password: PASSWORD };
    const request: typeof valid = { ...valid, ...change };
    const before = await countAccounts();
    const failure = await expectFailure(open.auth.register(request));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, reason: 'INVALID_FIELDS', fields });
    const typed = [request.password, request.email].filter((text) => text !== '');
    for (const text of typed) expect(failure.message.toLowerCase()).not.toContain(text.toLowerCase());
    expect(await countAccounts()).toBe(before);
  });

  it('accepts passwords of 8 and of 1,024 characters', async () => {
    for (const password of ['xY9#kd2!', '🦀'.repeat(1_024)]) {
      const email = newEmail();
      await open.auth.register({ email, password });
      await open.auth.login({ email, password });
    }
  });

  it('rejects a taken address in any case', async () => {
    const { email } = await open.register();
    for (const taken of [email, email.toUpperCase(), ADMIN.email]) {
      const failure = await expectFailure(open.auth.register({ email: taken, password: PASSWORD }));
      expect(failure).toMatchObject({ code: status.ALREADY_EXISTS, reason: 'EMAIL_TAKEN' });
      expect(failure.message).not.toContain(taken);
    }
  });

  it('of two calls at once with one address, one succeeds', async () => {
    const email = newEmail();
    const calls = [email, email.toUpperCase()].map((text) => open.auth.register({ email: text, password: PASSWORD }));
    const results = await Promise.allSettled(calls);
    expect(results.map(({ status: outcome }) => outcome).sort()).toEqual(['fulfilled', 'rejected']);
    const rejected = results.find((result) => result.status === 'rejected');
    expect(rejected?.reason).toMatchObject({ code: status.ALREADY_EXISTS });
  });

  it('is refused while registration is closed, and everything else works', async () => {
    const { email } = await open.register();
    const failure = await expectFailure(closed.auth.register({ email: newEmail(), password: PASSWORD }));
    expect(failure).toMatchObject({ code: status.FAILED_PRECONDITION, reason: 'REGISTRATION_CLOSED' });
    await closed.auth.login({ email, password: PASSWORD });
  });

  it('says that the plan for new accounts is missing', async () => {
    const run = (sql: string) => open.node.database.em.getConnection().execute(sql);
    await run(`alter table account drop constraint account_plan_id_fkey`);
    await run(`update plan set id = 'gratis' where id = 'free'`);
    await run(`update account set plan_id = 'gratis'`);
    await run(`alter table account add constraint account_plan_id_fkey foreign key (plan_id) references plan (id)`);
    const failure = await expectFailure(open.auth.register({ email: newEmail(), password: PASSWORD }));
    await run(`insert into plan select 'free', display_name, limits, features, 1, now(), now() from plan limit 1`);
    expect(failure).toMatchObject({ code: status.FAILED_PRECONDITION, reason: 'REGISTRATION_PLAN_MISSING' });
    expect(failure.message).toContain('plans/free does not exist');
  });
});

describe('Register in the mode verified', () => {
  it('gives the same answer for new, waiting and taken addresses, and no tokens', async () => {
    const { email: taken } = await open.register();
    const email = newEmail();
    const answers = [];
    for (const address of [email, email, taken, taken.toUpperCase()]) {
      answers.push(await verified.auth.register({ email: address, password: 'another horse battery' }));
    }
    const empty = { account: undefined, accessToken: '', refreshToken: '', expiresIn: 0 };
    expect(answers).toEqual([empty, empty, empty, empty]);
    await open.auth.login({ email: taken, password: PASSWORD });
  });

  it('lets nobody sign in before the address is verified, and answers as for a wrong password', async () => {
    const email = newEmail();
    await verified.auth.register({ email, password: PASSWORD });
    for (const { auth } of [verified, open]) {
      const failure = await expectFailure(auth.login({ email, password: PASSWORD }));
      expect(failure).toMatchObject({ code: status.UNAUTHENTICATED, reason: 'CREDENTIALS_INVALID' });
    }
  });

  it('gives the same answer to calls at once with one address', async () => {
    const email = newEmail();
    const calls = Array.from({ length: 6 }, () => verified.auth.register({ email, password: PASSWORD }));
    await Promise.all(calls);
    expect(await open.node.database.em.fork().count(AccountEntity, { email })).toBe(1);
  });

  it('names faults of the request as always', async () => {
    const failure = await expectFailure(verified.auth.register({ email: 'x', password: 'password' }));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['email', 'password'] });
  });

  it('logs the account that waits, without its address', async () => {
    const email = newEmail();
    await verified.auth.register({ email, password: PASSWORD });
    const account = await open.node.database.em.fork().findOneOrFail(AccountEntity, { email });
    const requested = { type: 'email_verification.requested', account: account.id };
    expect(verified.node.lines.map(({ fields }) => fields)).toContainEqual(requested);
    expect(JSON.stringify(verified.node.lines)).not.toContain(email);
  });
});

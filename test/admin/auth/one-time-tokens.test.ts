import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPruning } from '../../../src/catalog/feed/prune.ts';
import { AccountEntity } from '../../../src/database/entities/account-entity.ts';
import { createQuery } from '../../../src/database/open-database.ts';
import { Account } from '../../../src/generated/weir/admin/v1/account.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import { newDatabase } from '../../support/databases.ts';
import { bearer, newEmail, PASSWORD, startHolderNode } from '../account-holder.ts';
import { expectFailure } from '../admin-node.ts';

const NEW_PASSWORD = 'another horse battery';
const INVALID_TOKEN = { code: status.UNAUTHENTICATED, reason: 'ONE_TIME_TOKEN_INVALID' };
const UNKNOWN_TOKEN = `wo_${'a'.repeat(43)}`;

let holder: Awaited<ReturnType<typeof startHolderNode>>;
let verified: Awaited<ReturnType<typeof startHolderNode>>;

beforeAll(async () => {
  const url = await newDatabase();
  holder = await startHolderNode(url);
  verified = await startHolderNode(url, { REGISTRATION: 'verified' });
});
afterAll(async () => {
  await holder.stop();
  await verified.stop();
});

type Headers = ReturnType<typeof bearer>;

const run = (sql: string, ...parameters: unknown[]) => createQuery(holder.node.database)(sql, parameters);
const signIn = async (email: string, password = PASSWORD) => bearer(await holder.auth.login({ email, password }));
const createReset = async (id: string, ttl = '') =>
  holder.accounts.createPasswordReset({ name: `accounts/${id}`, ttl }, holder.admin);
const createVerification = async (id: string) =>
  holder.accounts.createEmailVerification({ name: `accounts/${id}` }, holder.admin);
const reset = (resetToken: string, newPassword = NEW_PASSWORD) =>
  holder.auth.resetPassword({ resetToken, newPassword });
const changeEmail = ({ auth }: typeof holder, headers: Headers, email = newEmail()) =>
  auth.updateProfile({ account: Account.fromPartial({ email }), currentPassword: PASSWORD }, headers);
const findId = async (email: string) =>
  (await holder.node.database.em.fork().findOneOrFail(AccountEntity, { email })).id;

describe('ResetPassword', () => {
  it('sets a new password once and ends all sessions', async () => {
    const { id, email, headers, refreshToken } = await holder.register();
    const { resetToken, expireTime } = await createReset(id);
    const lifetime = (expireTime?.getTime() ?? 0) - Date.now();
    expect(lifetime).toBeGreaterThan(3_500_000);
    expect(lifetime).toBeLessThanOrEqual(3_600_000);
    await reset(resetToken);
    expect(await expectFailure(holder.auth.getProfile({}, headers))).toMatchObject({ reason: 'TOKEN_INVALID' });
    await expectFailure(holder.auth.refreshToken({ refreshToken }));
    await expectFailure(signIn(email));
    await signIn(email, NEW_PASSWORD);
    expect(await expectFailure(reset(resetToken))).toMatchObject(INVALID_TOKEN);
  });

  it('of calls at once with one token, lets one succeed', async () => {
    const { id } = await holder.register();
    const { resetToken } = await createReset(id);
    const calls = Array.from({ length: 4 }, () =>
      reset(resetToken).then(
        () => 'ok',
        ({ reason }) => reason,
      ),
    );
    const outcomes = await Promise.all(calls);
    expect(outcomes.sort()).toEqual([...Array(3).fill('ONE_TIME_TOKEN_INVALID'), 'ok']);
  });

  it('keeps the token after a rejected password, whose faults it names without repeating them', async () => {
    const { id, email } = await holder.register();
    const { resetToken } = await createReset(id);
    for (const newPassword of ['short', 'password1', email.toUpperCase(), 'x'.repeat(1_025)]) {
      const failure = await expectFailure(reset(resetToken, newPassword));
      expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['new_password'] });
      expect(failure.message).not.toContain(newPassword);
    }
    await reset(resetToken);
  });

  it('makes the other reset tokens of the account useless, as ChangePassword does', async () => {
    const { id, headers } = await holder.register();
    const [first, second, third] = [await createReset(id), await createReset(id), await createReset(id)];
    await holder.auth.changePassword({ currentPassword: PASSWORD, newPassword: NEW_PASSWORD }, headers);
    expect(await expectFailure(reset(first.resetToken))).toMatchObject(INVALID_TOKEN);
    const fourth = await createReset(id);
    await reset(fourth.resetToken, PASSWORD);
    for (const { resetToken } of [second, third])
      expect(await expectFailure(reset(resetToken))).toMatchObject(INVALID_TOKEN);
  });

  it.each([
    ['nothing', { resetToken: '', newPassword: '' }, ['reset_token', 'new_password']],
    ['no token', { resetToken: '', newPassword: NEW_PASSWORD }, ['reset_token']],
  ])('names the fields of a request with %s', async (_, request, fields) => {
    const failure = await expectFailure(holder.auth.resetPassword(request));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields });
  });

  it('rejects tokens that are older than the address of the account', async () => {
    const changes = [
      (id: string) => {
        const account = Account.fromPartial({ name: `accounts/${id}`, email: newEmail() });
        return holder.accounts.updateAccount({ account }, holder.admin);
      },
      (id: string) => {
        const account = Account.fromPartial({ name: `accounts/${id}` });
        return holder.accounts.updateAccount({ account, updateMask: 'email' }, holder.admin);
      },
      (_: string, headers: Headers) => changeEmail(holder, headers),
      async (id: string, headers: Headers) => {
        await changeEmail(verified, headers);
        await verified.auth.verifyEmail({ token: (await createVerification(id)).token });
      },
    ];
    for (const change of changes) {
      const { id, headers } = await holder.register();
      const { resetToken } = await createReset(id);
      await change(id, headers);
      expect(await expectFailure(reset(resetToken))).toMatchObject(INVALID_TOKEN);
    }
  });

  it('rejects tokens that are made up, expired, of another kind, or of a deleted account', async () => {
    const { id } = await holder.register();
    const expired = await createReset(id);
    await run(`update one_time_token set expire_time = now() where account_id = ?`, id);
    const { token } = await createVerification(id);
    const deleted = await holder.register();
    const { resetToken } = await createReset(deleted.id);
    await holder.accounts.deleteAccount({ name: `accounts/${deleted.id}` }, holder.admin);
    for (const text of ['garbage', UNKNOWN_TOKEN, expired.resetToken, token, resetToken]) {
      expect(await expectFailure(reset(text))).toMatchObject(INVALID_TOKEN);
    }
  });

  it('is refused to a disabled account, and keeps the token', async () => {
    const { id, email } = await holder.register();
    const { resetToken } = await createReset(id);
    const setDisabled = (disabled: boolean) => {
      const account = Account.fromPartial({ name: `accounts/${id}`, disabled });
      return holder.accounts.updateAccount({ account, updateMask: 'disabled' }, holder.admin);
    };
    await setDisabled(true);
    const failure = await expectFailure(reset(resetToken));
    expect(failure).toMatchObject({ code: status.PERMISSION_DENIED, reason: 'ACCOUNT_DISABLED' });
    await setDisabled(false);
    await reset(resetToken);
    await signIn(email, NEW_PASSWORD);
  });

  it('is possible with tokens that stand nowhere in clear', async () => {
    const { id } = await holder.register();
    const { resetToken } = await createReset(id);
    const [row] = (await run(
      `select count(*)::int as count from one_time_token where one_time_token::text like ?`,
      `%${resetToken.slice(3)}%`,
    )) as { count: number }[];
    expect(row?.count).toBe(0);
    expect(JSON.stringify(holder.node.lines)).not.toContain(resetToken.slice(3));
  });
});

describe('RequestPasswordReset', () => {
  it('gives the same answer for every address, and logs the account of a known one', async () => {
    const { id, email } = await holder.register();
    const deleted = await holder.register();
    await holder.accounts.deleteAccount({ name: `accounts/${deleted.id}` }, holder.admin);
    for (const address of [email.toUpperCase(), deleted.email, newEmail()]) {
      expect(await holder.auth.requestPasswordReset({ email: address })).toEqual({});
    }
    const requested = holder.node.lines
      .map(({ fields }) => fields as { type?: string; account?: string })
      .filter(({ type }) => type === 'password_reset.requested');
    expect(requested).toEqual([{ type: 'password_reset.requested', account: id }]);
    expect(JSON.stringify(holder.node.lines)).not.toContain(email);
  });

  it.each(['', 'ada', 'a b@example.com', `${'a'.repeat(243)}@example.com`])('rejects %j', async (email) => {
    const failure = await expectFailure(holder.auth.requestPasswordReset({ email }));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['email'] });
  });
});

describe('VerifyEmail', () => {
  it('lets a new account sign in, once and for good', async () => {
    const email = newEmail();
    await verified.auth.register({ email, password: PASSWORD });
    const created = await createVerification(await findId(email));
    expect(created).toMatchObject({ token: expect.stringMatching(/^wo_/), email, expireTime: expect.any(Date) });
    const { account } = await verified.auth.verifyEmail({ token: created.token });
    expect(account).toMatchObject({ email, emailVerified: true, pendingEmail: '' });
    await signIn(email);
    expect(await expectFailure(verified.auth.verifyEmail({ token: created.token }))).toMatchObject(INVALID_TOKEN);
  });

  it('gives an address to the account that verifies it, although a stranger has signed up with it', async () => {
    const { headers, id } = await holder.register();
    const wanted = newEmail();
    await verified.auth.register({ email: wanted, password: 'password of a stranger' });
    await changeEmail(verified, headers, wanted);
    const { token } = await createVerification(id);
    const { account } = await verified.auth.verifyEmail({ token });
    expect(account).toMatchObject({ name: `accounts/${id}`, email: wanted });
    const other = newEmail();
    await verified.auth.register({ email: other, password: 'password of a stranger' });
    const created = await holder.accounts.createAccount(
      { account: Account.fromPartial({ email: other }) },
      holder.admin,
    );
    expect(created).toMatchObject({ email: other });
  });

  it('has the password of the sign-up whose token is used, not that of a later stranger', async () => {
    const email = newEmail();
    await verified.auth.register({ email, password: PASSWORD });
    const id = await findId(email);
    const { token } = await createVerification(id);
    await verified.auth.register({ email, password: 'password of a stranger' });
    expect(await findId(email)).toBe(id);
    const ofStranger = await createVerification(id);
    await verified.auth.verifyEmail({ token });
    await expectFailure(signIn(email, 'password of a stranger'));
    await signIn(email);
    expect(await expectFailure(verified.auth.verifyEmail({ token: ofStranger.token }))).toMatchObject(INVALID_TOKEN);
  });

  it('lets in the last one who signed up, with the token for that', async () => {
    const email = newEmail();
    await verified.auth.register({ email, password: 'password of a stranger' });
    const id = await findId(email);
    await createVerification(id);
    await verified.auth.register({ email, password: NEW_PASSWORD, displayName: 'Ada' });
    await verified.auth.verifyEmail({ token: (await createVerification(id)).token });
    await expectFailure(signIn(email, 'password of a stranger'));
    await signIn(email, NEW_PASSWORD);
  });

  it('makes a changed address take effect', async () => {
    const { id, email, headers } = await holder.register();
    const changed = newEmail();
    await changeEmail(verified, headers, changed);
    const { token, email: address } = await createVerification(id);
    expect(address).toBe(changed);
    await expectFailure(signIn(changed));
    const { account } = await verified.auth.verifyEmail({ token });
    expect(account).toMatchObject({ email: changed, emailVerified: true, pendingEmail: '' });
    await signIn(changed);
    await expectFailure(signIn(email));
  });

  it('does not verify an address that the account no longer waits for', async () => {
    const { id, headers } = await holder.register();
    const change = (email: string) => changeEmail(verified, headers, email);
    await change(newEmail());
    const { token } = await createVerification(id);
    await change(newEmail());
    expect(await expectFailure(verified.auth.verifyEmail({ token }))).toMatchObject(INVALID_TOKEN);
  });

  it('fails if another account has taken the address in the meantime, and keeps the former one', async () => {
    const { id, email, headers } = await holder.register();
    const changed = newEmail();
    await changeEmail(verified, headers, changed);
    const { token } = await createVerification(id);
    await holder.register(changed);
    const failure = await expectFailure(verified.auth.verifyEmail({ token }));
    expect(failure).toMatchObject({ code: status.ALREADY_EXISTS, reason: 'EMAIL_TAKEN' });
    await signIn(email);
  });

  it.each([
    ['no token', '', { code: status.INVALID_ARGUMENT, fields: ['token'] }],
    ['garbage', 'garbage', INVALID_TOKEN],
    ['a made-up token', UNKNOWN_TOKEN, INVALID_TOKEN],
  ])('rejects %s', async (_, token, expected) => {
    expect(await expectFailure(holder.auth.verifyEmail({ token }))).toMatchObject(expected);
  });
});

describe('CreatePasswordReset and CreateEmailVerification', () => {
  it('are for administrators', async () => {
    const { id, headers } = await holder.register();
    const name = `accounts/${id}`;
    for (const call of [
      () => holder.accounts.createPasswordReset({ name }, headers),
      () => holder.accounts.createEmailVerification({ name }, headers),
    ]) {
      expect(await expectFailure(call())).toMatchObject({
        code: status.PERMISSION_DENIED,
        reason: 'NOT_ADMINISTRATOR',
      });
    }
  });

  it.each([
    ['no account', { name: '' }, ['name']],
    ['another kind of resource', { name: 'plans/free' }, ['name']],
    ['a ttl of 0', { name: 'accounts/a', ttl: '0s' }, ['ttl']],
    ['a ttl of 8 days', { name: 'accounts/a', ttl: '8d' }, ['ttl']],
    ['a ttl without a unit, and no account', { name: '', ttl: '60' }, ['name', 'ttl']],
  ])('reject %s', async (_, request, fields) => {
    const failure = await expectFailure(holder.accounts.createPasswordReset(request, holder.admin));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields });
    if (fields[0] !== 'name') return;
    const other = await expectFailure(holder.accounts.createEmailVerification({ name: request.name }, holder.admin));
    expect(other).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['name'] });
  });

  it('reject unknown accounts, and those without an e-mail address', async () => {
    const { name } = await holder.accounts.createAccount({}, holder.admin);
    for (const create of ['createPasswordReset', 'createEmailVerification'] as const) {
      const unknown = await expectFailure(holder.accounts[create]({ name: `accounts/${randomUUID()}` }, holder.admin));
      expect(unknown).toMatchObject({ code: status.NOT_FOUND });
      const without = await expectFailure(holder.accounts[create]({ name }, holder.admin));
      expect(without).toMatchObject({ code: status.FAILED_PRECONDITION, reason: 'EMAIL_MISSING' });
    }
  });
});

it('expired tokens and accounts that were not verified in time are deleted', async () => {
  const email = newEmail();
  await verified.auth.register({ email, password: PASSWORD });
  const id = await findId(email);
  const { id: other } = await holder.register();
  await createReset(other);
  await run(`update account set verify_before_time = now() - interval '1 second' where id = ?`, id);
  await run(`update one_time_token set expire_time = now() - interval '1 second' where account_id = ?`, other);
  const stop = startPruning(createQuery(holder.node.database), createLogger('fatal'));
  const count = async (sql: string) => ((await run(sql, id, other)) as { count: number }[])[0]?.count;
  await expect.poll(() => count('select count(*)::int as count from account where id in (?, ?)')).toBe(1);
  await expect
    .poll(() => count('select count(*)::int as count from one_time_token where account_id in (?, ?)'))
    .toBe(0);
  stop();
});

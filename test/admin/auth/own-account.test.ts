import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AccountEntity } from '../../../src/database/entities/account-entity.ts';
import { Account } from '../../../src/generated/weir/admin/v1/account.ts';
import { TokenServiceService } from '../../../src/generated/weir/admin/v1/token_service.ts';
import { newDatabase } from '../../support/databases.ts';
import { bearer, newEmail, PASSWORD, startHolderNode } from '../account-holder.ts';
import { ADMIN, createClient, expectFailure } from '../admin-node.ts';

const NEW_PASSWORD = 'another horse battery';

let holder: Awaited<ReturnType<typeof startHolderNode>>;
let verified: Awaited<ReturnType<typeof startHolderNode>>;
let auth: (typeof holder)['auth'];
/** Headers of an administrator without an account. */
let stateless: { authorization: string };

beforeAll(async () => {
  const url = await newDatabase();
  holder = await startHolderNode(url);
  verified = await startHolderNode(url, { REGISTRATION: 'verified' });
  ({ auth } = holder);
  const tokens = createClient(TokenServiceService, holder.node.address);
  const issued = await tokens.issueToken(
    { account: 'elsewhere', role: 'admin', ttl: '1h' },
    bearer(await auth.login(ADMIN)),
  );
  stateless = { authorization: `Bearer ${issued.token}` };
  tokens.close();
});
afterAll(async () => {
  await holder.stop();
  await verified.stop();
});

const signInAgain = async (email: string, password = PASSWORD) => bearer(await auth.login({ email, password }));
const expectEnded = async (headers: { authorization: string }) =>
  expect(await expectFailure(auth.getProfile({}, headers))).toMatchObject({ reason: 'TOKEN_INVALID' });
const edit = (id: string, values: object) => holder.node.database.em.fork().nativeUpdate(AccountEntity, { id }, values);

describe('every method of one’s own account', () => {
  const calls = [
    ['GetProfile', (headers: object) => auth.getProfile({}, { ...headers })],
    [
      'UpdateProfile',
      (headers: object) => auth.updateProfile({ account: Account.fromPartial({ displayName: 'x' }) }, { ...headers }),
    ],
    ['ChangePassword', (headers: object) => auth.changePassword({}, { ...headers })],
    ['DeactivateAccount', (headers: object) => auth.deactivateAccount({}, { ...headers })],
  ] as const;

  it.each(calls)('%s needs a valid token and an account', async (_, call) => {
    expect(await expectFailure(call({}))).toMatchObject({ reason: 'TOKEN_MISSING' });
    expect(await expectFailure(call({ authorization: 'Bearer x.y.z' }))).toMatchObject({ reason: 'TOKEN_INVALID' });
    const failure = await expectFailure(call(stateless));
    expect(failure).toMatchObject({ code: status.FAILED_PRECONDITION, reason: 'CALLER_WITHOUT_ACCOUNT' });
  });
});

describe('UpdateProfile', () => {
  it('changes what the mask names, or what is set', async () => {
    const { headers, account } = await holder.register();
    const email = newEmail();
    const renamed = await auth.updateProfile({ account: Account.fromPartial({ displayName: 'Ada' }) }, headers);
    expect(renamed).toMatchObject({ name: account.name, displayName: 'Ada', email: account.email, etag: '"2"' });
    const moved = await auth.updateProfile(
      { account: Account.fromPartial({ email: email.toUpperCase() }), updateMask: '*', currentPassword: PASSWORD },
      headers,
    );
    expect(moved).toMatchObject({ displayName: '', email, emailVerified: false, pendingEmail: '' });
    const masked = await auth.updateProfile(
      { account: Account.fromPartial({ displayName: 'Grace', email: newEmail() }), updateMask: 'display_name' },
      headers,
    );
    expect(masked).toMatchObject({ displayName: 'Grace', email });
    await signInAgain(email);
  });

  it.each([
    ['nothing', {}, ['update_mask']],
    ['an unknown field', { updateMask: 'nickname' }, ['update_mask']],
    ['read-only fields', { updateMask: 'role,plan' }, ['update_mask', 'update_mask']],
    [
      'a name of 201 characters',
      { account: Account.fromPartial({ displayName: 'x'.repeat(201) }) },
      ['account.display_name'],
    ],
    ['a name with a NUL', { account: Account.fromPartial({ displayName: '\0' }) }, ['account.display_name']],
    ['an address without @', { account: Account.fromPartial({ email: 'ada' }) }, ['account.email']],
    ['no address', { updateMask: 'email' }, ['account.email']],
    [
      'several faults',
      { account: Account.fromPartial({ email: 'ada', displayName: '\n' }), updateMask: 'email,displayName,role' },
      ['update_mask', 'account.display_name', 'account.email'],
    ],
  ])('rejects %s', async (_, request, fields) => {
    const { headers, account } = await holder.register();
    const failure = await expectFailure(auth.updateProfile(request, headers));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, reason: 'INVALID_FIELDS', fields });
    expect((await auth.getProfile({}, headers)).etag).toBe(account.etag);
  });

  it('rejects an etag of an earlier version and takes the current one', async () => {
    const { headers, account } = await holder.register();
    const update = (etag: string) =>
      auth.updateProfile({ account: Account.fromPartial({ displayName: 'Ada', etag }) }, headers);
    const { etag } = await update(account.etag);
    expect(await expectFailure(update(account.etag))).toMatchObject({ code: status.ABORTED, reason: 'ETAG_MISMATCH' });
    await update(etag);
  });

  it('of two writers at once with one etag, one succeeds', async () => {
    const { headers, account } = await holder.register();
    const write = (displayName: string) =>
      auth.updateProfile({ account: Account.fromPartial({ displayName, etag: account.etag }) }, headers).then(
        () => 'ok',
        ({ code }) => code,
      );
    expect((await Promise.all([write('a'), write('b')])).sort()).toEqual([status.ABORTED, 'ok']);
  });

  it('rejects an address that another account has', async () => {
    const { email } = await holder.register();
    const { headers } = await holder.register();
    const failure = await expectFailure(
      auth.updateProfile(
        { account: Account.fromPartial({ email: email.toUpperCase() }), currentPassword: PASSWORD },
        headers,
      ),
    );
    expect(failure).toMatchObject({ code: status.ALREADY_EXISTS, reason: 'EMAIL_TAKEN' });
  });

  it('needs the password for a new address, and only for that', async () => {
    const { headers, id, account } = await holder.register();
    const change = (currentPassword: string, email = newEmail()) =>
      auth.updateProfile({ account: Account.fromPartial({ displayName: 'Ada', email }), currentPassword }, headers);
    const wrong = { code: status.UNAUTHENTICATED, reason: 'CREDENTIALS_INVALID' };
    for (const password of ['', 'x'.repeat(1_025)]) {
      const failure = await expectFailure(change(password));
      expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['current_password'] });
    }
    expect(await expectFailure(change('wrong'))).toMatchObject(wrong);
    expect((await auth.getProfile({}, headers)).etag).toBe(account.etag);
    expect(await change('', account.email.toUpperCase())).toMatchObject({ displayName: 'Ada' });
    await edit(id, { passwordHash: null });
    expect(await expectFailure(change(PASSWORD))).toMatchObject(wrong);
  });

  it('needs the password for an address that waits for its verification, too', async () => {
    const { headers } = await holder.register();
    const request = { account: Account.fromPartial({ email: newEmail() }), validateOnly: true };
    for (const validateOnly of [true, false]) {
      const failure = await expectFailure(verified.auth.updateProfile({ ...request, validateOnly }, headers));
      expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['current_password'] });
    }
    expect(await verified.auth.getProfile({}, headers)).toMatchObject({ pendingEmail: '' });
  });

  it('lets a new address wait for its verification in the mode verified', async () => {
    const { headers, email, id } = await holder.register();
    const waiting = newEmail();
    const { email: taken } = await holder.register();
    for (const address of [taken, waiting]) {
      const profile = await verified.auth.updateProfile(
        { account: Account.fromPartial({ email: address.toUpperCase() }), currentPassword: PASSWORD },
        headers,
      );
      expect(profile).toMatchObject({ email, pendingEmail: address });
    }
    expect(verified.node.lines.map(({ fields }) => fields)).toContainEqual({
      type: 'email_verification.requested',
      account: id,
    });
    await signInAgain(email);
    await expectFailure(signInAgain(waiting));
    expect(await verified.auth.updateProfile({ account: Account.fromPartial({ email }) }, headers)).toMatchObject({
      email,
      pendingEmail: '',
    });
  });
});

describe('ChangePassword', () => {
  it('replaces the password and ends all other sessions', async () => {
    const { headers, email, refreshToken } = await holder.register();
    const other = await auth.login({ email, password: PASSWORD });
    await auth.changePassword({ currentPassword: PASSWORD, newPassword: NEW_PASSWORD }, headers);
    await expectEnded(bearer(other));
    expect((await expectFailure(auth.refreshToken({ refreshToken: other.refreshToken }))).code).toBe(16);
    await auth.getProfile({}, headers);
    await auth.refreshToken({ refreshToken });
    await expectFailure(signInAgain(email));
    await signInAgain(email, NEW_PASSWORD);
  });

  it.each([
    ['nothing', { currentPassword: '', newPassword: '' }, ['current_password', 'new_password']],
    ['a current password of 1,025 characters', { currentPassword: 'x'.repeat(1_025) }, ['current_password']],
    ['a new password of 7 characters', { newPassword: 'xY9#kd2' }, ['new_password']],
    ['a new password of 1,025 characters', { newPassword: 'x'.repeat(1_025) }, ['new_password']],
    ['a common new password', { newPassword: 'Password1' }, ['new_password']],
  ])('rejects %s and keeps the password', async (_, change, fields) => {
    const { headers, email } = await holder.register();
    const request = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD, ...change };
    const failure = await expectFailure(auth.changePassword(request, headers));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields });
    if (request.newPassword !== '') expect(failure.message).not.toContain(request.newPassword);
    await signInAgain(email);
  });

  it('rejects the address as password', async () => {
    const { headers, email } = await holder.register();
    const failure = await expectFailure(
      auth.changePassword({ currentPassword: PASSWORD, newPassword: email.toUpperCase() }, headers),
    );
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['new_password'] });
  });

  it('rejects a wrong current password, and any for an account without one', async () => {
    const { headers, id } = await holder.register();
    const change = (currentPassword: string) =>
      auth.changePassword({ currentPassword, newPassword: NEW_PASSWORD }, headers);
    const message = 'the password of the account is wrong';
    const wrong = { code: status.UNAUTHENTICATED, reason: 'CREDENTIALS_INVALID', message };
    expect(await expectFailure(change('wrong'))).toMatchObject(wrong);
    await edit(id, { passwordHash: null });
    expect(await expectFailure(change(PASSWORD))).toMatchObject(wrong);
  });

  it('of two calls at once, one succeeds', async () => {
    const { headers } = await holder.register();
    const change = (newPassword: string) =>
      auth.changePassword({ currentPassword: PASSWORD, newPassword }, headers).then(
        () => 'ok',
        ({ code }) => code,
      );
    const results = await Promise.all([change(NEW_PASSWORD), change(`${NEW_PASSWORD}!`)]);
    expect(results.filter((result) => result === 'ok')).toHaveLength(1);
  });

  it('leaves no session of a sign-in with the old password that ran at the same time', async () => {
    const { headers, email } = await holder.register();
    const signIns = Array.from({ length: 6 }, () => auth.login({ email, password: PASSWORD }).catch(() => undefined));
    await auth.changePassword({ currentPassword: PASSWORD, newPassword: NEW_PASSWORD }, headers);
    for (const signedIn of await Promise.all(signIns)) if (signedIn !== undefined) await expectEnded(bearer(signedIn));
  });
});

describe('DeactivateAccount', () => {
  it('disables the account and ends its sessions; a right password then gets ACCOUNT_DISABLED', async () => {
    const { headers, email, id, refreshToken } = await holder.register();
    await auth.deactivateAccount({ password: PASSWORD }, headers);
    await expectFailure(auth.getProfile({}, headers));
    expect((await expectFailure(auth.refreshToken({ refreshToken }))).code).toBe(status.UNAUTHENTICATED);
    const right = await expectFailure(signInAgain(email));
    expect(right).toMatchObject({ code: status.PERMISSION_DENIED, reason: 'ACCOUNT_DISABLED' });
    expect(await expectFailure(signInAgain(email, 'wrong'))).toMatchObject({ reason: 'CREDENTIALS_INVALID' });
    const row = await holder.node.database.em.fork().findOneOrFail(AccountEntity, id);
    expect(row).toMatchObject({ disabled: true, disableReason: 'deactivated by its holder' });
  });

  it('rejects a wrong or missing password and changes nothing', async () => {
    const { headers } = await holder.register();
    const missing = await expectFailure(auth.deactivateAccount({}, headers));
    expect(missing).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['password'] });
    const wrong = await expectFailure(auth.deactivateAccount({ password: 'wrong' }, headers));
    expect(wrong).toMatchObject({ code: status.UNAUTHENTICATED, reason: 'CREDENTIALS_INVALID' });
    expect(await auth.getProfile({}, headers)).toMatchObject({ disabled: false });
  });

  it('is refused to the last administrator', async () => {
    const headers = bearer(await auth.login(ADMIN));
    const failure = await expectFailure(auth.deactivateAccount({ password: ADMIN.password }, headers));
    expect(failure).toMatchObject({ code: status.FAILED_PRECONDITION, reason: 'LAST_ADMINISTRATOR' });
    await auth.getProfile({}, headers);
  });
});

describe('a disabled or deleted account', () => {
  it('can neither refresh nor call, even if its session has not ended', async () => {
    const { headers, id, refreshToken } = await holder.register();
    await edit(id, { disabled: true });
    for (const call of [() => auth.getProfile({}, headers), () => auth.refreshToken({ refreshToken })]) {
      const failure = await expectFailure(call());
      expect(failure).toMatchObject({ code: status.PERMISSION_DENIED, reason: 'ACCOUNT_DISABLED' });
    }
    await edit(id, { disabled: false, deleteTime: new Date() });
    expect(await expectFailure(auth.getProfile({}, headers))).toMatchObject({ reason: 'TOKEN_INVALID' });
    expect(await expectFailure(auth.refreshToken({ refreshToken }))).toMatchObject({ reason: 'CREDENTIALS_INVALID' });
  });

  it('looks like an unknown one at sign-in, if it is deleted', async () => {
    const { email, id } = await holder.register();
    await edit(id, { deleteTime: new Date() });
    const failure = await expectFailure(signInAgain(email));
    expect(failure).toMatchObject({ code: status.UNAUTHENTICATED, reason: 'CREDENTIALS_INVALID' });
  });
});

describe('Logout', () => {
  it('ends all sessions of the account on request', async () => {
    for (const way of ['access token', 'refresh token']) {
      const { headers, email, refreshToken } = await holder.register();
      const other = await signInAgain(email);
      const { headers: stranger } = await holder.register();
      if (way === 'access token') await auth.logout({ allSessions: true }, headers);
      else await auth.logout({ allSessions: true, refreshToken });
      await expectEnded(headers);
      await expectEnded(other);
      await auth.getProfile({}, stranger);
    }
  });

  it('ends one session otherwise', async () => {
    const { headers, email } = await holder.register();
    const other = await signInAgain(email);
    await auth.logout({}, headers);
    await expectEnded(headers);
    await auth.getProfile({}, other);
  });

  it('ends no other session with the refresh token of an ended one', async () => {
    const { headers, email, refreshToken } = await holder.register();
    await auth.logout({}, headers);
    const other = await signInAgain(email);
    await auth.logout({ allSessions: true, refreshToken });
    await auth.getProfile({}, other);
  });

  it('needs a session or an account', async () => {
    const failure = await expectFailure(auth.logout({ allSessions: true }, stateless));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['refresh_token'] });
  });
});

describe('SessionService', () => {
  it('lists the sessions of the account, with where they come from', async () => {
    const { headers, id, email, refreshToken } = await holder.register();
    await signInAgain(email);
    await signInAgain(email).then((ended) => auth.logout({}, ended));
    await auth.refreshToken({ refreshToken });
    const { sessions } = await holder.sessions.listSessions({ parent: `accounts/${id}` }, headers);
    expect(sessions).toHaveLength(2);
    const current = sessions.find((session) => session.current);
    const other = sessions.find((session) => !session.current);
    expect(current).toMatchObject({
      name: expect.stringMatching(new RegExp(`^accounts/${id}/sessions/[0-9a-f-]{36}$`)),
      createTime: expect.any(Date),
      lastRefreshTime: expect.any(Date),
      expireTime: expect.any(Date),
      peer: '127.0.0.1',
      userAgent: expect.stringContaining('grpc-node-js/'),
    });
    expect(other).toMatchObject({ lastRefreshTime: undefined, current: false });
  });

  it('ends a session', async () => {
    const { headers, id, email } = await holder.register();
    const parent = `accounts/${id}`;
    const other = await signInAgain(email);
    const { sessions } = await holder.sessions.listSessions({ parent }, headers);
    const name = sessions.find((session) => !session.current)?.name ?? '';
    await holder.sessions.deleteSession({ name }, headers);
    await expectEnded(other);
    expect(await expectFailure(holder.sessions.deleteSession({ name }, headers))).toMatchObject({
      code: status.NOT_FOUND,
    });
    expect((await holder.sessions.listSessions({ parent }, headers)).sessions).toHaveLength(1);
  });

  it('shows administrators all accounts, and others only their own', async () => {
    const { id, headers: own } = await holder.register();
    const { headers: other } = await holder.register();
    const parent = `accounts/${id}`;
    const admin = bearer(await auth.login(ADMIN));
    const [session] = (await holder.sessions.listSessions({ parent }, admin)).sessions;
    expect(session?.current).toBe(false);
    const unknown = `accounts/${randomUUID()}`;
    for (const call of [
      () => holder.sessions.listSessions({ parent }, other),
      () => holder.sessions.listSessions({ parent: unknown }, other),
      () => holder.sessions.listSessions({ parent: unknown }, admin),
      () => holder.sessions.deleteSession({ name: session?.name ?? '' }, other),
      () => holder.sessions.deleteSession({ name: `${parent}/sessions/${randomUUID()}` }, admin),
      () => holder.sessions.deleteSession({ name: session?.name.replace(id, randomUUID()) ?? '' }, admin),
    ]) {
      expect(await expectFailure(call())).toMatchObject({ code: status.NOT_FOUND, reason: 'RESOURCE_NOT_FOUND' });
    }
    await auth.getProfile({}, own);
    await holder.sessions.deleteSession({ name: session?.name ?? '' }, admin);
    await expectEnded(own);
  });

  it('lists pages', async () => {
    const { headers, id, email } = await holder.register();
    for (let count = 0; count < 2; count += 1) await signInAgain(email);
    const parent = `accounts/${id}`;
    const names: string[] = [];
    let pageToken = '';
    do {
      const page = await holder.sessions.listSessions({ parent, pageSize: 1, pageToken }, headers);
      names.push(...page.sessions.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(new Set(names).size).toBe(3);
    const foreign = await holder.register();
    const { nextPageToken } = await holder.sessions.listSessions({ parent, pageSize: 1 }, headers);
    const request = { parent: `accounts/${foreign.id}`, pageToken: nextPageToken };
    const failure = await expectFailure(holder.sessions.listSessions(request, foreign.headers));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['page_token'] });
  });

  it.each([
    ['no parent', { parent: '' }, ['parent']],
    ['a parent of another kind', { parent: 'plans/free' }, ['parent']],
    ['all accounts', { parent: 'accounts/-/x' }, ['parent']],
    ['a negative page size', { parent: 'accounts/a', pageSize: -1 }, ['page_size']],
    ['a made-up page token', { parent: 'accounts/a', pageToken: 'x' }, ['page_token']],
    ['everything', { parent: '', pageSize: -1, pageToken: 'x' }, ['parent', 'page_size', 'page_token']],
  ])('rejects a list of %s', async (_, request, fields) => {
    const { headers } = await holder.register();
    const failure = await expectFailure(holder.sessions.listSessions(request, headers));
    expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields });
  });

  it.each(['', 'sessions/x', `accounts/a/sessions/`, `accounts/a/sessions/${randomUUID()}/x`, `accounts/A/sessions/x`])(
    'rejects %j as the name of a session',
    async (name) => {
      const { headers } = await holder.register();
      const failure = await expectFailure(holder.sessions.deleteSession({ name }, headers));
      expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['name'] });
    },
  );
});

import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AccountEntity } from '../../../src/database/entities/account-entity.ts';
import { createQuery } from '../../../src/database/open-database.ts';
import { newDatabase } from '../../support/databases.ts';
import { bearer, PASSWORD, startHolderNode } from '../account-holder.ts';
import { type CallError, expectFailure } from '../admin-node.ts';
import { codeOf, registerWithTotp, wrongCodeOf } from './totp-codes.ts';

const { UNAUTHENTICATED, INVALID_ARGUMENT, FAILED_PRECONDITION } = status;
const REQUIRED = { code: UNAUTHENTICATED, reason: 'TOTP_REQUIRED' };
const INVALID = { code: UNAUTHENTICATED, reason: 'TOTP_INVALID' };
const WRONG_PASSWORD = { code: UNAUTHENTICATED, reason: 'CREDENTIALS_INVALID' };
const MALFORMED = { code: INVALID_ARGUMENT, reason: 'INVALID_FIELDS' };

let url: string;
let holder: Awaited<ReturnType<typeof startHolderNode>>;
let auth: (typeof holder)['auth'];

beforeAll(async () => {
  url = await newDatabase();
  holder = await startHolderNode(url);
  ({ auth } = holder);
});
afterAll(() => holder.stop());

const login = (email: string, totpCode?: string, password = PASSWORD) => auth.login({ email, password, totpCode });
const readRow = (id: string) => holder.node.database.em.fork().findOneOrFail(AccountEntity, { id });

describe('a second factor', () => {
  it('asks for a code from its confirmation on, and ends no session', async () => {
    const { email, headers, refreshToken, account } = await holder.register();
    expect(account.totpEnabled).toBe(false);
    const { secret, otpauthUri } = await auth.enrollTotp({ password: PASSWORD }, headers);
    expect(otpauthUri).toContain(`secret=${secret}`);
    expect(otpauthUri).toContain(encodeURIComponent(email));
    await login(email);
    expect(await expectFailure(auth.confirmTotp({ code: wrongCodeOf(secret) }, headers))).toMatchObject(INVALID);
    await login(email);
    await auth.confirmTotp({ code: codeOf(secret) }, headers);
    expect(await expectFailure(login(email))).toMatchObject(REQUIRED);
    const profile = await auth.getProfile({}, headers);
    expect(profile).toMatchObject({ totpEnabled: true, etag: expect.not.stringMatching(account.etag) });
    await auth.refreshToken({ refreshToken });
    const signedIn = bearer(await login(email, codeOf(secret, 1)));
    expect(await auth.getProfile({}, signedIn)).toMatchObject({ email });
  });

  it('takes each code once, and none of an earlier step', async () => {
    const { email, secret, confirmed } = await registerWithTotp(holder);
    expect(await expectFailure(login(email, confirmed))).toMatchObject(INVALID);
    const next = codeOf(secret, 1);
    await login(email, next);
    expect(await expectFailure(login(email, next))).toMatchObject(INVALID);
    expect(await expectFailure(login(email, confirmed))).toMatchObject(INVALID);
  });

  it('starts one session for calls at once with one code', async () => {
    const { id, email, secret } = await registerWithTotp(holder);
    const code = codeOf(secret, 1);
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => login(email, code)));
    const failures = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason as CallError);
    expect(failures).toHaveLength(7);
    for (const failure of failures) expect(failure).toMatchObject(INVALID);
    const { sessions } = await holder.sessions.listSessions({ parent: `accounts/${id}` }, holder.admin);
    expect(sessions).toHaveLength(2); // with that of the registration
  });

  it('is kept by a new password', async () => {
    const { email, id, secret, headers } = await registerWithTotp(holder);
    const newPassword = 'another horse battery';
    await auth.changePassword({ currentPassword: PASSWORD, newPassword }, headers);
    expect(await expectFailure(login(email, undefined, newPassword))).toMatchObject(REQUIRED);
    const { resetToken } = await holder.accounts.createPasswordReset({ name: `accounts/${id}` }, holder.admin);
    await auth.resetPassword({ resetToken, newPassword: PASSWORD });
    expect(await expectFailure(login(email))).toMatchObject(REQUIRED);
    await login(email, codeOf(secret, 1));
  });

  it('is deleted with its account', async () => {
    const { id } = await registerWithTotp(holder);
    await holder.accounts.deleteAccount({ name: `accounts/${id}` }, holder.admin);
    expect(await readRow(id)).toMatchObject({ sealedTotpSecret: null, totpEnableTime: null, totpLastStep: null });
  });

  it('has events in the audit trail, which never contain the secret', async () => {
    const { id, secret, headers } = await registerWithTotp(holder);
    await auth.disableTotp({ password: PASSWORD, code: codeOf(secret, 1) }, headers);
    const query = createQuery(holder.node.database);
    const rows = (await query(
      `select method, changes from audit_event where resource = ? and method like '%Totp' order by id`,
      [`accounts/${id}`],
    )) as { method: string; changes: unknown }[];
    const service = 'weir.admin.v1.AuthService';
    expect(rows).toEqual([
      { method: `${service}/EnrollTotp`, changes: [{ field: 'totp_secret' }] },
      {
        method: `${service}/ConfirmTotp`,
        changes: [{ field: 'totp_enabled', oldValue: false, newValue: true }],
      },
      {
        method: `${service}/DisableTotp`,
        changes: [{ field: 'totp_enabled', oldValue: true, newValue: false }, { field: 'totp_secret' }],
      },
    ]);
    expect(await query('select from audit_event event where strpos(event::text, ?) > 0', [secret])).toEqual([]);
    expect(JSON.stringify(holder.node.lines)).not.toContain(secret);
  });
});

describe('Login to an account with a second factor', () => {
  let enrolled: Awaited<ReturnType<typeof registerWithTotp>>;
  let other: Awaited<ReturnType<typeof registerWithTotp>>;
  beforeAll(async () => {
    enrolled = await registerWithTotp(holder);
    other = await registerWithTotp(holder);
  });

  it.each<[string, () => string | undefined, object]>([
    ['no code', () => undefined, REQUIRED],
    ['an empty code', () => '', REQUIRED],
    ['5 digits', () => '12345', MALFORMED],
    ['letters', () => 'abcdef', MALFORMED],
    ['a wrong code', () => wrongCodeOf(enrolled.secret), INVALID],
    ['the code of another account', () => codeOf(other.secret, 1), INVALID],
    ['the code of 90 s ago', () => codeOf(enrolled.secret, -3), INVALID],
    ['the code in 90 s', () => codeOf(enrolled.secret, 3), INVALID],
  ])('fails with %s', async (_, code, failure) => {
    expect(await expectFailure(login(enrolled.email, code()))).toMatchObject(failure);
  });

  it('does not use the code up for a wrong password', async () => {
    const { email, secret } = await registerWithTotp(holder);
    const code = codeOf(secret, 1);
    expect(await expectFailure(login(email, code, 'a wrong password'))).toMatchObject(WRONG_PASSWORD);
    await login(email, code);
  });

  it('ignores the code of an account without a second factor', async () => {
    const { email } = await holder.register();
    await login(email, '123456');
  });

  it('counts the outcomes', async () => {
    const text = await (await fetch(`http://127.0.0.1:${holder.node.httpPort}/metrics`)).text();
    expect(text).toMatch(/weir_sign_ins_total\{outcome="totp_required"\} [1-9]/);
    expect(text).toMatch(/weir_sign_ins_total\{outcome="totp_invalid"\} [1-9]/);
  });
});

describe('EnrollTotp', () => {
  it('replaces a secret that was not confirmed', async () => {
    const { headers } = await holder.register();
    const { secret: first } = await auth.enrollTotp({ password: PASSWORD }, headers);
    const { secret } = await auth.enrollTotp({ password: PASSWORD }, headers);
    expect(await expectFailure(auth.confirmTotp({ code: codeOf(first) }, headers))).toMatchObject(INVALID);
    await auth.confirmTotp({ code: codeOf(secret) }, headers);
  });

  it('refuses a wrong password, and an account that has a second factor', async () => {
    const { email, secret, headers } = await registerWithTotp(holder);
    const enroll = (password: string) => expectFailure(auth.enrollTotp({ password }, headers));
    expect(await enroll('')).toMatchObject({ ...MALFORMED, fields: ['password'] });
    expect(await enroll('a wrong password')).toMatchObject(WRONG_PASSWORD);
    expect(await enroll(PASSWORD)).toMatchObject({ code: FAILED_PRECONDITION, reason: 'TOTP_ALREADY_ENABLED' });
    const confirmed = expectFailure(auth.confirmTotp({ code: codeOf(secret, 1) }, headers));
    expect(await confirmed).toMatchObject({ code: FAILED_PRECONDITION, reason: 'TOTP_ALREADY_ENABLED' });
    await login(email, codeOf(secret, 1));
  });
});

describe('ConfirmTotp and DisableTotp', () => {
  it('need a secret', async () => {
    const { headers } = await holder.register();
    const failure = { code: FAILED_PRECONDITION, reason: 'TOTP_NOT_ENROLLED' };
    expect(await expectFailure(auth.confirmTotp({ code: '123456' }, headers))).toMatchObject(failure);
    const disable = auth.disableTotp({ password: PASSWORD, code: '123456' }, headers);
    expect(await expectFailure(disable)).toMatchObject(failure);
  });

  it('refuse what can be no code, and name all fields', async () => {
    const { headers } = await registerWithTotp(holder);
    const confirm = auth.confirmTotp({ code: '1' }, headers);
    expect(await expectFailure(confirm)).toMatchObject({ ...MALFORMED, fields: ['code'] });
    const disable = auth.disableTotp({}, headers);
    expect(await expectFailure(disable)).toMatchObject({ ...MALFORMED, fields: ['password', 'code'] });
  });
});

describe('DisableTotp', () => {
  it('needs the password and an unused code, and deletes the secret', async () => {
    const { id, email, secret, confirmed, headers } = await registerWithTotp(holder);
    const disable = (password: string, code: string) => auth.disableTotp({ password, code }, headers);
    expect(await expectFailure(disable('a wrong password', codeOf(secret, 1)))).toMatchObject(WRONG_PASSWORD);
    expect(await expectFailure(disable(PASSWORD, wrongCodeOf(secret)))).toMatchObject(INVALID);
    expect(await expectFailure(disable(PASSWORD, confirmed))).toMatchObject(INVALID);
    expect(await expectFailure(login(email))).toMatchObject(REQUIRED);
    await disable(PASSWORD, codeOf(secret, 1));
    await login(email);
    expect(await auth.getProfile({}, headers)).toMatchObject({ totpEnabled: false });
    expect(await readRow(id)).toMatchObject({ sealedTotpSecret: null, totpEnableTime: null, totpLastStep: null });
  });
});

describe('another node', () => {
  it('with the same SIGNING_KEY_SECRET takes codes, and knows which were used, also after a restart', async () => {
    const { email, secret } = await registerWithTotp(holder);
    const code = codeOf(secret, 1);
    await login(email, code);
    const restarted = await startHolderNode(url);
    try {
      const failure = expectFailure(restarted.auth.login({ email, password: PASSWORD, totpCode: code }));
      expect(await failure).toMatchObject(INVALID);
      const enrolled = await registerWithTotp(holder);
      const totpCode = codeOf(enrolled.secret, 1);
      await restarted.auth.login({ email: enrolled.email, password: PASSWORD, totpCode });
    } finally {
      await restarted.stop();
    }
  });

  it.each([
    ['another SIGNING_KEY_SECRET', 'another signing key secret of the tests'],
    ['no SIGNING_KEY_SECRET', ''],
  ])('with %s lets nobody in, and logs why', async (_, SIGNING_KEY_SECRET) => {
    const { id, email, secret } = await registerWithTotp(holder);
    const node = await startHolderNode(url, { SIGNING_KEY_SECRET });
    try {
      const totpCode = codeOf(secret, 1);
      const failure = await expectFailure(node.auth.login({ email, password: PASSWORD, totpCode }));
      expect(failure).toMatchObject({ code: FAILED_PRECONDITION, reason: 'SIGNING_KEY_SECRET_MISSING' });
      const message = expect.stringContaining('cannot open the secret of a second factor');
      expect(node.node.lines).toContainEqual({ fields: { account: id }, message });
      await login(email, totpCode);
    } finally {
      await node.stop();
    }
  });

  it('without SIGNING_KEY_SECRET enrolls nobody, because the others could not read the secret', async () => {
    const node = await startHolderNode(url, { SIGNING_KEY_SECRET: '' });
    try {
      const { id, headers } = await node.register();
      const failure = await expectFailure(node.auth.enrollTotp({ password: PASSWORD }, headers));
      expect(failure).toMatchObject({ code: FAILED_PRECONDITION, reason: 'SIGNING_KEY_SECRET_MISSING' });
      expect((await readRow(id)).sealedTotpSecret).toBeNull();
    } finally {
      await node.stop();
    }
  });
});

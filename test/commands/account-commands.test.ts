import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createTemporaryFolder } from '../../provision/postgres.ts';
import { lockFolder } from '../../src/database/embedded/folder-lock.ts';
import { bearer, PASSWORD, startHolderNode } from '../admin/account-holder.ts';
import { ADMIN, expectFailure } from '../admin/admin-node.ts';
import { registerWithTotp } from '../admin/auth/totp-codes.ts';
import { newDatabase, newEmptyDatabase } from '../support/databases.ts';
import { runWeir } from './run-weir.ts';

let url: string;
let holder: Awaited<ReturnType<typeof startHolderNode>>;

beforeAll(async () => {
  url = await newDatabase();
  holder = await startHolderNode(url);
});
afterAll(() => holder.stop());

const run = (command: string, email: string, databaseUrl = url) =>
  runWeir([command, email], { DATABASE_URL: databaseUrl, LOG_LEVEL: 'fatal' });

describe('weir reset-password', () => {
  it('prints a new password once, in place of the former one, and ends all sessions', async () => {
    const { accessToken, refreshToken } = await holder.auth.login(ADMIN);
    const { code, out, err } = await run('reset-password', ADMIN.email.toUpperCase());
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const [, name, password = ''] =
      /^The new password of (accounts\/\S+), shown only once: (\S{24})\n$/.exec(out) ?? [];
    await expectFailure(holder.auth.login(ADMIN));
    await expectFailure(holder.auth.getProfile({}, bearer({ accessToken })));
    await expectFailure(holder.auth.refreshToken({ refreshToken }));
    const profile = await holder.auth.getProfile({}, bearer(await holder.auth.login({ ...ADMIN, password })));
    expect(profile).toMatchObject({ name, role: 'admin' });
  });

  it('says that the account is disabled', async () => {
    const { email, headers } = await holder.register();
    await holder.auth.deactivateAccount({ password: 'correct horse battery' }, headers);
    const { code, out } = await run('reset-password', email);
    expect(code).toBe(0);
    expect(out).toContain('The account is disabled');
  });
});

describe('weir reset-totp', () => {
  it('turns the second factor off, and keeps password and sessions', async () => {
    const { email, id, headers } = await registerWithTotp(holder);
    const credentials = { email, password: PASSWORD };
    expect(await expectFailure(holder.auth.login(credentials))).toMatchObject({ reason: 'TOTP_REQUIRED' });
    const out = `accounts/${id} signs in without a second factor.\n`;
    expect(await run('reset-totp', email.toUpperCase())).toEqual({ code: 0, out, err: '' });
    const signedIn = bearer(await holder.auth.login(credentials));
    expect(await holder.auth.getProfile({}, signedIn)).toMatchObject({ totpEnabled: false });
    expect(await holder.auth.getProfile({}, headers)).toMatchObject({ email });
  });
});

describe.each(['reset-password', 'reset-totp'])('weir %s', (command) => {
  it('fails for an unknown address and for a database without accounts', async () => {
    const unknown = await run(command, 'nobody@example.com');
    expect(unknown).toEqual({ code: 1, out: '', err: 'EMAIL: must be the e-mail address of an account\n' });
    const empty = await run(command, 'nobody@example.com', await newEmptyDatabase());
    expect(empty).toMatchObject({ code: 1, out: '' });
    expect(empty.err).toContain('start Weir first');
  });

  it('says in one line that a node runs on the folder', async () => {
    const folder = await createTemporaryFolder();
    onTestFinished(() => rm(folder, { recursive: true }));
    const postgres = path.join(folder, 'postgres');
    await mkdir(postgres);
    const lock = await lockFolder(postgres);
    onTestFinished(() => lock.release());
    const { code, out, err } = await runWeir([command, ADMIN.email], { DATA_DIR: folder });
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe(
      `${postgres} is in use by process ${process.pid}; stop it, or set another DATA_DIR for this one\n`,
    );
  });

  it('needs an address', async () => {
    expect(await runWeir([command])).toMatchObject({ code: 2, out: '' });
  });
});

import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { withAdvisoryLock } from '../../../src/database/advisory-locks.ts';
import { createQuery } from '../../../src/database/open-database.ts';
import { Account } from '../../../src/generated/weir/admin/v1/account.ts';
import { AccountServiceService } from '../../../src/generated/weir/admin/v1/account_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { newDatabase } from '../../support/databases.ts';
import { ADMIN, createClient, expectFailure, startAdminNode } from '../admin-node.ts';

const PASSWORD = 'a password of the tests';
const LAST = { code: status.FAILED_PRECONDITION, reason: 'LAST_ADMINISTRATOR' };

let node: Awaited<ReturnType<typeof startAdminNode>>;
let accounts: ReturnType<typeof createClient<typeof AccountServiceService>>;
let auth: ReturnType<typeof createClient<typeof AuthServiceService>>;
/** An administrator with a name and a session. */
interface Administrator {
  readonly name: string;
  readonly headers: { readonly authorization: string };
}
let first: Administrator;

const signIn = async (email: string, password: string) => ({
  authorization: `Bearer ${(await auth.login({ email, password })).accessToken}`,
});

beforeAll(async () => {
  node = await startAdminNode(await newDatabase());
  accounts = createClient(AccountServiceService, node.address);
  auth = createClient(AuthServiceService, node.address);
  const headers = await signIn(ADMIN.email, ADMIN.password);
  const [account] = (await accounts.listAccounts({ filter: `email = "${ADMIN.email}"` }, headers)).accounts;
  first = { name: account?.name ?? '', headers };
});
// Leaves the first administrator as the only one.
beforeEach(async () => {
  const query = createQuery(node.database);
  await query(`update account set role = 'user' where email <> ?`, [ADMIN.email]);
  await query(`update account set role = 'admin', disabled = false where email = ?`, [ADMIN.email]);
  first = { ...first, headers: await signIn(ADMIN.email, ADMIN.password) };
});
afterAll(async () => {
  for (const client of [accounts, auth]) client?.close();
  await node?.stop();
});

let created = 0;
const createAdministrator = async (password = PASSWORD): Promise<Administrator> => {
  created += 1;
  const email = `administrator-${created}@example.com`;
  const account = Account.create({ email, role: 'admin' });
  const { name } = await accounts.createAccount({ account, password }, first.headers);
  return { name, headers: password === '' ? first.headers : await signIn(email, password) };
};
const update = (fields: Partial<Account>, updateMask: string, { headers }: Administrator) =>
  accounts.updateAccount({ account: Account.create(fields), updateMask }, headers);

/** The ways to take an administrator away. */
const REMOVALS: Record<string, (name: string, as: Administrator) => Promise<unknown>> = {
  demoted: (name, as) => update({ name, role: 'user' }, 'role', as),
  disabled: (name, as) => update({ name, disabled: true }, 'disabled', as),
  deleted: (name, { headers }) => accounts.deleteAccount({ name }, headers),
  'left without an address': (name, as) => update({ name, email: '' }, 'email', as),
};

const listAdministrators = async () => {
  const sql = `select id from account where role = 'admin' and not disabled and password_hash is not null`;
  return createQuery(node.database)(sql, []);
};

describe.for(Object.entries(REMOVALS))('an administrator who is %s', ([, remove]) => {
  it('must not be the last one', async () => {
    const failure = await expectFailure(remove(first.name, first));
    expect(failure).toMatchObject(LAST);
    expect(failure.message).toBe(`${first.name} is the last enabled account with the role admin and a password`);
    await accounts.listAccounts({}, first.headers);
  });

  it('can be another one, but then no more the first', async () => {
    const second = await createAdministrator();
    await remove(second.name, first);
    expect(await expectFailure(remove(first.name, first))).toMatchObject(LAST);
  });

  it('is not replaced by one who cannot sign in', async () => {
    await createAdministrator('');
    const disabled = await createAdministrator();
    await update({ name: disabled.name, disabled: true }, 'disabled', first);
    const unverified = await createAdministrator();
    const query = createQuery(node.database);
    await query(`update account set verify_before_time = now() + interval '7 days' where id = ?`, [
      unverified.name.slice('accounts/'.length),
    ]);
    expect(await expectFailure(remove(first.name, first))).toMatchObject(LAST);
  });

  it('is one of several who remove each other at once, of whom one is left', async () => {
    const others = await Promise.all([createAdministrator(), createAdministrator(), createAdministrator()]);
    const all = [...others, await createAdministrator()];
    // Only those who remove each other are administrators.
    await createQuery(node.database)(`update account set role = 'user' where email = ?`, [ADMIN.email]);
    const calls = all.map(({ name }, index) => remove(name, all[(index + 1) % all.length] ?? first));
    const results = await Promise.allSettled(calls);
    const failures = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason);
    expect(failures.length).toBeGreaterThan(0);
    // A call comes too late if its caller was removed before it began.
    for (const { reason } of failures) {
      expect(['LAST_ADMINISTRATOR', 'NOT_ADMINISTRATOR', 'TOKEN_INVALID', 'ACCOUNT_DISABLED']).toContain(reason);
    }
    expect(await listAdministrators()).not.toEqual([]);
  });
});

it('lets one of two administrators who demote each other at once succeed, in each of many tries', async () => {
  for (let round = 0; round < 20; round++) {
    const [one, other] = [await createAdministrator(), await createAdministrator()];
    const query = createQuery(node.database);
    await query(`update account set role = 'user' where email = ?`, [ADMIN.email]);
    await Promise.allSettled([
      update({ name: one.name, role: 'user' }, 'role', other),
      update({ name: other.name, role: 'user' }, 'role', one),
    ]);
    expect(await listAdministrators()).toHaveLength(1);
    await query(`update account set role = case when email = ? then 'admin' else 'user' end`, [ADMIN.email]);
    first = { ...first, headers: await signIn(ADMIN.email, ADMIN.password) };
  }
});

it('is not removed while another call removes one, and changes of other accounts do not wait', async () => {
  const administrator = await createAdministrator();
  const { name } = await accounts.createAccount({ account: Account.create({ role: 'user' }) }, first.headers);
  await withAdvisoryLock(node.database, 'administrators', async () => {
    await update({ name, role: 'user', disabled: true }, 'role,disabled', first);
    await accounts.deleteAccount({ name }, first.headers);
    const failure = await expectFailure(update({ name: administrator.name, role: 'user' }, 'role', first));
    expect(failure).toMatchObject({ code: status.UNAVAILABLE, reason: 'ADMINISTRATORS_LOCKED' });
  });
  await update({ name: administrator.name, role: 'user' }, 'role', first);
  expect(await listAdministrators()).toHaveLength(1);
});

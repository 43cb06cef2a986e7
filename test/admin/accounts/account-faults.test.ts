import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Account } from '../../../src/generated/weir/admin/v1/account.ts';
import { AccountServiceService } from '../../../src/generated/weir/admin/v1/account_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { newDatabase } from '../../support/databases.ts';
import { ADMIN, createClient, expectFailure, startAdminNode } from '../admin-node.ts';

const PASSWORD = 'a password of the tests';
const NAME = 'accounts/known';

let node: Awaited<ReturnType<typeof startAdminNode>>;
let accounts: ReturnType<typeof createClient<typeof AccountServiceService>>;
let admin: { authorization: string };

beforeAll(async () => {
  node = await startAdminNode(await newDatabase());
  accounts = createClient(AccountServiceService, node.address);
  const auth = createClient(AuthServiceService, node.address);
  admin = { authorization: `Bearer ${(await auth.login(ADMIN)).accessToken}` };
  auth.close();
  const account = Account.create({ email: 'known@example.com' });
  await accounts.createAccount({ accountId: 'known', account, password: PASSWORD }, admin);
});
afterAll(async () => {
  accounts?.close();
  await node?.stop();
});

/** Expects the call to fail with exactly these violations. */
async function expectFaults(call: Promise<unknown>, faults: readonly string[]): Promise<void> {
  const failure = await expectFailure(call);
  expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, reason: 'INVALID_FIELDS' });
  expect(failure.message.split('; ').sort()).toEqual([...faults].sort());
}

interface CreateFields extends Partial<Account> {
  readonly accountId?: string;
  readonly password?: string;
}
const create = ({ accountId = '', password = '', ...fields }: CreateFields) =>
  accounts.createAccount({ accountId, password, account: Account.create(fields) }, admin);
const update = (fields: Partial<Account>, updateMask = '') =>
  accounts.updateAccount({ account: Account.create({ name: NAME, ...fields }), updateMask }, admin);

const ID = 'account_id: must be empty, or 1 to 63 characters of a-z, 0-9 and "-", not starting with "-"';
const EMAIL = 'account.email: must be empty or an e-mail address';
const LONG = 'é'.repeat(501);

describe('the fields of a new account', () => {
  it.for<[fields: CreateFields, ...faults: string[]]>([
    [{ accountId: 'Acme' }, `${ID} (got "Acme")`],
    [{ accountId: '-acme' }, `${ID} (got "-acme")`],
    [{ accountId: 'a/b' }, `${ID} (got "a/b")`],
    [{ accountId: 'a'.repeat(64) }, ID],
    [{ accountId: 'acme\0' }, ID],
    [{ email: 'ada' }, EMAIL],
    [{ email: '@example.com' }, EMAIL],
    [{ email: 'ada@' }, EMAIL],
    [{ email: 'ada@example.com ' }, EMAIL],
    [{ email: 'ada@b@example.com' }, EMAIL],
    [{ email: 'ada\0@example.com' }, EMAIL],
    [{ email: `${'a'.repeat(243)}@example.com` }, EMAIL],
    [{ displayName: 'a'.repeat(201) }, 'account.display_name: must be at most 200 characters (got 201)'],
    [{ displayName: 'a\nb' }, 'account.display_name: must not contain control characters'],
    [{ displayName: 'a\u202eb' }, 'account.display_name: must not contain control characters'],
    [{ role: 'Admin' }, 'account.role: must be admin or user (got "Admin")'],
    [{ plan: 'pro' }, 'account.plan: must be a resource name of the form plans/{id} (got "pro")'],
    [{ plan: 'plans/none' }, 'account.plan: must be an existing plan (got "plans/none")'],
    [{ disableReason: 'unpaid' }, 'account.disable_reason: must be empty unless the account is disabled'],
    [{ disabled: true, disableReason: LONG }, 'account.disable_reason: must be at most 500 characters (got 501)'],
    [{ disabled: true, disableReason: '\t' }, 'account.disable_reason: must not contain control characters'],
    [{ password: PASSWORD }, 'password: must be empty for an account without an e-mail address'],
    [{ email: 'a@example.com', password: 'seven77' }, 'password: must be 8 to 1024 characters'],
    [{ email: 'a@example.com', password: 'a'.repeat(1_025) }, 'password: must be 8 to 1024 characters'],
  ])('are rejected if they are %j', async ([fields, ...faults]) => {
    await expectFaults(create(fields), faults);
  });

  it('are rejected with all faults at once, and nothing is created', async () => {
    const fields = {
      ...{ accountId: 'A', email: 'ada', displayName: '\n', role: 'root', plan: 'p', disableReason: '\n' },
      password: 'short',
    };
    const failure = await expectFailure(create(fields));
    expect([...new Set(failure.fields)].sort()).toEqual([
      ...['account.disable_reason', 'account.display_name', 'account.email', 'account.plan', 'account.role'],
      ...['account_id', 'password'],
    ]);
    expect(failure.message).not.toContain('short');
    expect((await accounts.listAccounts({}, admin)).accounts).toHaveLength(2);
  });
});

describe('the fields of an update', () => {
  const UPDATABLE = 'email, displayName, role, plan, disabled, disableReason';

  it.for<[fields: Partial<Account>, mask: string, ...faults: string[]]>([
    [{}, '', `update_mask: must name the fields to update: none of ${UPDATABLE} is set`],
    [{}, 'name', `update_mask: must contain only ${UPDATABLE} (got "name")`],
    [{}, 'create_time', `update_mask: must contain only ${UPDATABLE} (got "createTime")`],
    [{}, 'blockExpireTime', `update_mask: must contain only ${UPDATABLE} (got "blockExpireTime")`],
    [{}, 'emailVerified', `update_mask: must contain only ${UPDATABLE} (got "emailVerified")`],
    [{}, 'password', `update_mask: must contain only ${UPDATABLE} (got "password")`],
    [{ email: 'ada' }, '', EMAIL],
    [{ role: '' }, 'role', 'account.role: must be admin or user (got "")'],
    [{ plan: '' }, 'plan', 'account.plan: must be a resource name of the form plans/{id} (got "")'],
    [{ plan: 'plans/none' }, 'plan', 'account.plan: must be an existing plan (got "plans/none")'],
    [{ displayName: 'a\0' }, '', 'account.display_name: must not contain control characters'],
    [{ disableReason: 'x' }, '', 'account.disable_reason: must be empty unless the account is disabled'],
    [
      { disableReason: 'x' },
      'disabled,disableReason',
      'account.disable_reason: must be empty unless the account is disabled',
    ],
    [{ name: 'known' }, 'disabled', 'account.name: must be a resource name of the form accounts/{id} (got "known")'],
    [
      { name: '', email: 'ada', role: 'root', plan: 'p', displayName: '\n' },
      'email,role,plan,displayName,etag',
      'account.name: must be a resource name of the form accounts/{id} (got "")',
      ...[EMAIL, 'account.role: must be admin or user (got "root")'],
      'account.plan: must be a resource name of the form plans/{id} (got "p")',
      'account.display_name: must not contain control characters',
      `update_mask: must contain only ${UPDATABLE} (got "etag")`,
    ],
  ])('are rejected if they are %j with the mask %j, with all faults at once', async ([fields, mask, ...faults]) => {
    await expectFaults(update(fields, mask), faults);
    expect(await accounts.getAccount({ name: NAME }, admin)).toMatchObject({ etag: '"1"', email: 'known@example.com' });
  });

  it('are ignored if they are output only', async () => {
    const blockExpireTime = new Date(Date.now() + 60_000);
    const fields = { displayName: 'known', blockExpireTime, emailVerified: true, deleteTime: blockExpireTime };
    const updated = await update(fields);
    expect(updated).toMatchObject({ displayName: 'known', emailVerified: false, blockExpireTime: undefined });
    expect(updated.deleteTime).toBeUndefined();
    await update({ displayName: '' }, 'displayName');
  });

  it('name an account that exists, and its current etag', async () => {
    expect(await expectFailure(update({ name: 'accounts/nobody', displayName: 'x' }))).toMatchObject({
      code: status.NOT_FOUND,
      message: 'accounts/nobody does not exist',
    });
    for (const etag of ['"0"', 'x', '*']) {
      expect(await expectFailure(update({ displayName: 'x', etag }))).toMatchObject({ code: status.ABORTED });
    }
  });
});

describe('the fields of a block', () => {
  const DURATION = 'duration: must be a whole number and a unit, such as 30s, 5m or 1d, and at most 3650d';

  it.for<[request: { name?: string; duration?: string; reason?: string }, ...faults: string[]]>([
    [{}, `${DURATION} (got "")`],
    [{ duration: '0s' }, `${DURATION} (got "0s")`],
    [{ duration: '-1h' }, `${DURATION} (got "-1h")`],
    [{ duration: '1.5h' }, `${DURATION} (got "1.5h")`],
    [{ duration: '3651d' }, `${DURATION} (got "3651d")`],
    [{ duration: '1h', reason: 'é'.repeat(501) }, 'reason: must be at most 500 characters (got 501)'],
    [{ duration: '1h', reason: 'a\nb' }, 'reason: must not contain control characters'],
    [
      { name: 'accounts/', duration: 'soon', reason: '\0' },
      'name: must be a resource name of the form accounts/{id} (got "accounts/")',
      ...[`${DURATION} (got "soon")`, 'reason: must not contain control characters'],
    ],
  ])('are rejected if they are %j, with all faults at once', async ([request, ...faults]) => {
    await expectFaults(accounts.blockAccount({ name: NAME, ...request }, admin), faults);
    expect((await accounts.getAccount({ name: NAME }, admin)).blockExpireTime).toBeUndefined();
  });
});

describe('a name', () => {
  it.for(['', 'known', 'accounts/', 'accounts/KNOWN', 'accounts/known/keys', 'plans/free', 'accounts/known\0'])(
    'is rejected by all methods if it is %j',
    async (name) => {
      for (const call of [accounts.getAccount, accounts.deleteAccount, accounts.unblockAccount]) {
        const failure = await expectFailure(call({ name }, admin));
        expect(failure).toMatchObject({ code: status.INVALID_ARGUMENT, fields: ['name'] });
      }
    },
  );

  it('of an account that does not exist is not found by any method', async () => {
    const name = 'accounts/nobody';
    const calls = [
      ...[accounts.getAccount({ name }, admin), accounts.deleteAccount({ name }, admin)],
      ...[accounts.unblockAccount({ name }, admin), accounts.blockAccount({ name, duration: '1h' }, admin)],
    ];
    for (const failure of await Promise.all(calls.map(expectFailure))) {
      expect(failure).toMatchObject({ code: status.NOT_FOUND, reason: 'RESOURCE_NOT_FOUND' });
    }
  });
});

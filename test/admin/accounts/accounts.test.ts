import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AccountEntity } from '../../../src/database/entities/account-entity.ts';
import { Account } from '../../../src/generated/weir/admin/v1/account.ts';
import { AccountServiceService } from '../../../src/generated/weir/admin/v1/account_service.ts';
import { ApiKey, ApiKeyServiceService } from '../../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { TokenServiceService } from '../../../src/generated/weir/admin/v1/token_service.ts';
import { newDatabase } from '../../support/databases.ts';
import { ADMIN, createClient, expectFailure, startAdminNode } from '../admin-node.ts';

const PASSWORD = 'a password of the tests';

let node: Awaited<ReturnType<typeof startAdminNode>>;
let accounts: ReturnType<typeof createClient<typeof AccountServiceService>>;
let auth: ReturnType<typeof createClient<typeof AuthServiceService>>;
let keys: ReturnType<typeof createClient<typeof ApiKeyServiceService>>;
let tokens: ReturnType<typeof createClient<typeof TokenServiceService>>;
let admin: { authorization: string };

const signIn = async (email: string, password = PASSWORD) => {
  return { authorization: `Bearer ${(await auth.login({ email, password })).accessToken}` };
};

beforeAll(async () => {
  node = await startAdminNode(await newDatabase());
  accounts = createClient(AccountServiceService, node.address);
  auth = createClient(AuthServiceService, node.address);
  keys = createClient(ApiKeyServiceService, node.address);
  tokens = createClient(TokenServiceService, node.address);
  admin = await signIn(ADMIN.email, ADMIN.password);
});
afterAll(async () => {
  for (const client of [accounts, auth, keys, tokens]) client?.close();
  await node?.stop();
});

/** Requests with fields of accounts that need not be complete. */
interface PartialRequest {
  readonly account?: Partial<Account>;
  readonly accountId?: string;
  readonly password?: string;
  readonly updateMask?: string;
}
const createAccount = ({ account, ...request }: PartialRequest, as = admin) =>
  accounts.createAccount({ ...request, account: Account.create(account) }, as);
const updateAccount = ({ account, ...request }: PartialRequest, as = admin) =>
  accounts.updateAccount({ ...request, account: Account.create(account) }, as);

let created = 0;
/** Creates an account with a password, and returns it with its e-mail address. */
const create = async (fields: Partial<Account> = {}) => {
  created += 1;
  const email = `account-${created}@example.com`;
  return createAccount({ account: { email, ...fields }, password: PASSWORD });
};
const rowOf = (name: string) => {
  return node.database.em.fork().findOneOrFail(AccountEntity, name.replace('accounts/', ''));
};

describe('CreateAccount', () => {
  it('creates an account with defaults, whose holder can sign in', async () => {
    const account = await createAccount(
      { account: { email: 'Ada@Example.com', displayName: 'Ada' }, password: PASSWORD },
      admin,
    );
    expect(account).toMatchObject({
      name: expect.stringMatching(/^accounts\/[0-9a-f-]{36}$/),
      ...{ email: 'ada@example.com', displayName: 'Ada', role: 'user', plan: 'plans/free', disabled: false },
      ...{ emailVerified: false, blockExpireTime: undefined, deleteTime: undefined, etag: '"1"' },
    });
    const ada = await signIn('ada@example.com');
    expect(await accounts.getAccount({ name: account.name }, ada)).toMatchObject({ displayName: 'Ada' });
  });

  it('takes the id of the request, and creates accounts without an address or a password', async () => {
    const request = { accountId: 'acme', account: { plan: 'plans/pro', disabled: true, disableReason: 'unpaid' } };
    const account = await createAccount(request);
    expect(account).toMatchObject({ name: 'accounts/acme', email: '', plan: 'plans/pro', disableReason: 'unpaid' });
    await createAccount({});
    await createAccount({});
    await createAccount({ account: { email: 'no-password@example.com' } });
    const failure = await expectFailure(signIn('no-password@example.com'));
    expect(failure).toMatchObject({ code: status.UNAUTHENTICATED, reason: 'CREDENTIALS_INVALID' });
  });

  it('creates one account for one id and for one address, also of concurrent calls', async () => {
    const twice = { accountId: 'twice' };
    const sameId = await Promise.allSettled([createAccount(twice), createAccount(twice)]);
    expect(sameId.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected']);
    const taken = await expectFailure(createAccount(twice));
    expect(taken).toMatchObject({ code: status.ALREADY_EXISTS, reason: 'RESOURCE_EXISTS' });
    expect(taken.message).toBe('accounts/twice already exists');
    const spellings = ['one@example.com', 'ONE@example.com', 'One@Example.com'];
    const sameEmail = await Promise.allSettled(spellings.map((email) => createAccount({ account: { email } })));
    const failures = sameEmail.filter((result) => result.status === 'rejected').map(({ reason }) => reason);
    const expected = { code: status.ALREADY_EXISTS, reason: 'EMAIL_TAKEN' };
    expect(failures).toEqual([expect.objectContaining(expected), expect.objectContaining(expected)]);
  });

  it('keeps the ids of deleted accounts, and gives their addresses to others', async () => {
    const email = 'again@example.com';
    await createAccount({ accountId: 'again', account: { email }, password: PASSWORD });
    await accounts.deleteAccount({ name: 'accounts/again' }, admin);
    const failure = await expectFailure(createAccount({ accountId: 'again' }));
    expect(failure).toMatchObject({ code: status.ALREADY_EXISTS, reason: 'RESOURCE_EXISTS' });
    await createAccount({ account: { email } });
  });
});

describe('UpdateAccount', () => {
  it('changes what the mask names', async () => {
    const { name } = await create({ displayName: 'before' });
    const values = { name, displayName: 'after', email: 'after@example.com', plan: 'plans/pro', role: 'admin' };
    const named = await updateAccount({ account: values, updateMask: 'displayName' });
    expect(named).toMatchObject({ displayName: 'after', plan: 'plans/free', role: 'user', etag: '"2"' });
    const all = await updateAccount({ account: values, updateMask: '*' });
    expect(all).toMatchObject({ email: 'after@example.com', plan: 'plans/pro', role: 'admin', disabled: false });
    const set = await updateAccount({ account: { name, plan: 'plans/free' } });
    expect(set).toMatchObject({ email: 'after@example.com', plan: 'plans/free', role: 'admin' });
  });

  it('takes a new address for unverified, and the password away with the address', async () => {
    const { name, email } = await create();
    const em = node.database.em.fork();
    await em.nativeUpdate(AccountEntity, { email }, { emailVerified: true, pendingEmail: 'other@example.com' });
    const update = (address: string) => updateAccount({ account: { name, email: address }, updateMask: 'email' });
    expect(await update(email.toUpperCase())).toMatchObject({
      email,
      emailVerified: true,
      pendingEmail: 'other@example.com',
    });
    const changed = { email: `new-${email}`, emailVerified: false, pendingEmail: '' };
    expect(await update(`new-${email}`)).toMatchObject(changed);
    await signIn(`new-${email}`);
    const session = await signIn(`new-${email}`);
    await update('');
    expect(await expectFailure(auth.getProfile({}, session))).toMatchObject({ reason: 'TOKEN_INVALID' });
    await update(email);
    expect(await expectFailure(signIn(email))).toMatchObject({ reason: 'CREDENTIALS_INVALID' });
    expect(await expectFailure(update(ADMIN.email))).toMatchObject({ reason: 'EMAIL_TAKEN' });
  });

  it('names the fault of an administrator who is demoted in the same call', async () => {
    const { name } = await create({ role: 'admin' });
    const update = (fields: Partial<Account>) => updateAccount({ account: { name, role: 'user', ...fields } });
    expect(await expectFailure(update({ email: ADMIN.email }))).toMatchObject({ reason: 'EMAIL_TAKEN' });
    expect(await expectFailure(update({ plan: 'plans/none' }))).toMatchObject({ fields: ['account.plan'] });
    expect(await accounts.getAccount({ name }, admin)).toMatchObject({ role: 'admin', etag: '"1"' });
  });

  it('ends the sessions of an account that it disables, and forgets the reason when it enables it', async () => {
    const { name, email } = await create();
    const session = await auth.login({ email, password: PASSWORD });
    const disabled = { name, disabled: true, disableReason: 'unpaid since May' };
    expect(await updateAccount({ account: disabled })).toMatchObject(disabled);
    const refresh = await expectFailure(auth.refreshToken({ refreshToken: session.refreshToken }));
    expect(refresh).toMatchObject({ code: status.UNAUTHENTICATED });
    const call = keys.listApiKeys({}, { authorization: `Bearer ${session.accessToken}` });
    expect(await expectFailure(call)).toMatchObject({ code: status.UNAUTHENTICATED });
    const enabled = await updateAccount({ account: { name }, updateMask: 'disabled' });
    expect(enabled).toMatchObject({ disabled: false, disableReason: '' });
    const reason = updateAccount({ account: { name, disableReason: 'later' } });
    expect(await expectFailure(reason)).toMatchObject({ fields: ['account.disable_reason'] });
    await signIn(email);
  });

  it('loses no change of concurrent calls, and rejects all but one with the same etag', async () => {
    const { name, etag } = await create();
    await Promise.all([
      updateAccount({ account: { name, displayName: 'changed' } }),
      updateAccount({ account: { name, plan: 'plans/pro' } }),
      updateAccount({ account: { name, disabled: true } }),
      accounts.blockAccount({ name, duration: '1h', reason: 'abuse' }, admin),
    ]);
    const changed = { displayName: 'changed', plan: 'plans/pro', disabled: true, blockReason: 'abuse', etag: '"5"' };
    expect(await accounts.getAccount({ name }, admin)).toMatchObject(changed);
    const stale = await expectFailure(updateAccount({ account: { name, displayName: 'x', etag } }));
    expect(stale).toMatchObject({ code: status.ABORTED, reason: 'ETAG_MISMATCH' });
    const update = (displayName: string) => updateAccount({ account: { name, displayName, etag: '"5"' } });
    const results = await Promise.allSettled(['a', 'b', 'c', 'd'].map(update));
    const failures = results.filter((result) => result.status === 'rejected').map(({ reason }) => reason);
    expect(failures).toHaveLength(3);
    for (const failure of failures) expect(failure).toMatchObject({ code: status.ABORTED, reason: 'ETAG_MISMATCH' });
  });
});

describe('DeleteAccount', () => {
  it('deletes the keys, ends the sessions, revokes the tokens and erases address and password', async () => {
    const { name, email } = await create({ displayName: 'leaving' });
    const id = name.replace('accounts/', '');
    const session = await auth.login({ email, password: PASSWORD });
    const own = { authorization: `Bearer ${session.accessToken}` };
    const { apiKey } = await keys.createApiKey({ apiKey: ApiKey.create({ displayName: 'key' }) }, own);
    await tokens.issueToken({ account: id, plan: 'plans/free', ttl: '1h' }, admin);
    await accounts.deleteAccount({ name }, admin);

    expect(await expectFailure(keys.getApiKey({ name: apiKey?.name ?? '' }, admin))).toMatchObject({
      code: status.NOT_FOUND,
    });
    const { apiKeys } = await keys.listApiKeys({ filter: `account = "${name}"`, showDeleted: true }, admin);
    expect(apiKeys).toMatchObject([{ displayName: 'key', deleteTime: expect.any(Date) }]);
    expect(await expectFailure(keys.listApiKeys({}, own))).toMatchObject({ code: status.UNAUTHENTICATED });
    const refresh = auth.refreshToken({ refreshToken: session.refreshToken });
    expect(await expectFailure(refresh)).toMatchObject({ code: status.UNAUTHENTICATED });
    const revocations = await node.database.em.execute(`select kind from revocation where value = ?`, [id]);
    expect(revocations).toEqual([{ kind: 'account' }]);
    expect(await rowOf(name)).toMatchObject({ email: null, passwordHash: null, displayName: 'leaving' });
    for (const call of [accounts.getAccount, accounts.deleteAccount, accounts.unblockAccount]) {
      expect(await expectFailure(call({ name }, admin))).toMatchObject({ code: status.NOT_FOUND });
    }
  });
});

describe('BlockAccount', () => {
  it('blocks an account for a duration, replaces the block, and ends it', async () => {
    const { name, email } = await create();
    const before = Date.now();
    const blocked = await accounts.blockAccount({ name, duration: '1h', reason: 'abuse' }, admin);
    expect(blocked.blockReason).toBe('abuse');
    expect(blocked.blockExpireTime?.getTime()).toBeGreaterThanOrEqual(before + 3_600_000);
    expect(blocked.blockExpireTime?.getTime()).toBeLessThanOrEqual(Date.now() + 3_600_000);
    const replaced = await accounts.blockAccount({ name, duration: '5m' }, admin);
    expect(replaced.blockExpireTime?.getTime()).toBeLessThanOrEqual(Date.now() + 300_000);
    expect(replaced.blockReason).toBe('');
    const own = await signIn(email);
    expect((await accounts.getAccount({ name }, own)).blockExpireTime).toEqual(replaced.blockExpireTime);
    const unblocked = await accounts.unblockAccount({ name }, admin);
    expect(unblocked).toMatchObject({ blockExpireTime: undefined, blockReason: '' });
    expect(await accounts.unblockAccount({ name }, admin)).toMatchObject({ blockExpireTime: undefined });
  });
});

describe('a caller that is no administrator', () => {
  it('reads its own account, finds no other one, and can call nothing else', async () => {
    const { name, email } = await create();
    const other = await create();
    const own = await signIn(email);
    expect(await accounts.getAccount({ name }, own)).toMatchObject({ name, email });
    for (const unknown of [other.name, 'accounts/nobody']) {
      const failure = await expectFailure(accounts.getAccount({ name: unknown }, own));
      expect(failure).toMatchObject({ code: status.NOT_FOUND, message: `${unknown} does not exist` });
    }
    const calls = [
      accounts.createAccount({}, own),
      accounts.listAccounts({}, own),
      ...[name, other.name, 'accounts/nobody', ''].flatMap((each) => [
        updateAccount({ account: { name: each, role: 'admin' } }, own),
        accounts.deleteAccount({ name: each }, own),
        accounts.blockAccount({ name: each, duration: '1h' }, own),
        accounts.unblockAccount({ name: each }, own),
      ]),
    ];
    for (const failure of await Promise.all(calls.map(expectFailure))) {
      expect(failure).toMatchObject({ code: status.PERMISSION_DENIED, reason: 'NOT_ADMINISTRATOR' });
    }
    expect(await accounts.getAccount({ name }, own)).toMatchObject({ role: 'user', etag: '"1"' });
  });
});

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningPostgres, startPostgres } from '../../provision/postgres.ts';
import {
  AccountServiceService,
  BlockAccountRequest,
  CreateAccountRequest,
  DeleteAccountRequest,
  UnblockAccountRequest,
  UpdateAccountRequest,
} from '../../src/generated/weir/admin/v1/account_service.ts';
import {
  ApiKeyServiceService,
  CreateApiKeyRequest,
  DeleteApiKeyRequest,
  RotateApiKeyRequest,
  UpdateApiKeyRequest,
} from '../../src/generated/weir/admin/v1/api_key_service.ts';
import { AuthServiceService, LogoutRequest } from '../../src/generated/weir/admin/v1/auth_service.ts';
import {
  CreateDeviceRequest,
  DeviceServiceService,
  UpdateDeviceRequest,
} from '../../src/generated/weir/admin/v1/device_service.ts';
import { DisableTokenRequest, TokenInfoServiceService } from '../../src/generated/weir/admin/v1/token_info_service.ts';
import {
  IssueTokenRequest,
  RevokeTokenRequest,
  RevokeTokensRequest,
  TokenServiceService,
} from '../../src/generated/weir/admin/v1/token_service.ts';
import { GrpcClient, type Headers } from '../support/clients/grpc-client.ts';
import { ADMINISTRATOR, SIGNING_KEY_SECRET } from '../support/node.ts';
import { startWeirProcess } from '../support/weir-process.ts';
import { runWeir } from './run-weir.ts';

/** A node in a process of its own, because the test needs its log. */
interface Session {
  readonly admin: GrpcClient;
  readonly administrator: Headers;
  readonly refreshToken: string;
}

interface NewKey {
  readonly name: string;
  readonly secret: string;
}

const resources = new AsyncDisposableStack();
let folder: string;
let postgres: RunningPostgres;
/** The database, and a copy from before the revocations, as a restored backup is. */
let databaseUrl: string;
let restoredUrl: string;
let logFile: string;
/** Created before the copy, by what happens to them after it. */
const keys: Record<string, NewKey> = {};
const tokenIds: string[] = [];
/** Names of devices, as above. */
const devices: Record<string, string> = {};

/** Runs a node on the database while it is used. Returns its log. */
async function withNode(use: (session: Session) => Promise<void>): Promise<string> {
  const { email, password } = ADMINISTRATOR;
  const environment = {
    DATABASE_URL: databaseUrl,
    SIGNING_KEY_SECRET,
    ADMIN_EMAIL: email,
    ADMIN_PASSWORD: password,
    DEVICE_REGISTRATION: 'auto',
    DEVICE_HEADER: 'x-device',
  };
  const { weir, ports } = await startWeirProcess(environment);
  const admin = new GrpcClient(ports.admin);
  try {
    const { accessToken, refreshToken } = await admin.call(AuthServiceService.login, ADMINISTRATOR);
    await use({ admin, administrator: { authorization: `Bearer ${accessToken}` }, refreshToken });
  } finally {
    admin.close();
    await weir.stop();
  }
  return weir.printed;
}

async function createCredentials({ admin, administrator }: Session): Promise<void> {
  for (const fate of ['deleted', 'disabled', 'disabledByHolder', 'rotated', 'enabledAgain', 'kept']) {
    const request = CreateApiKeyRequest.fromPartial({ apiKey: { displayName: fate, plan: 'plans/free' } });
    const { apiKey, secret } = await admin.call(ApiKeyServiceService.createApiKey, request, administrator);
    keys[fate] = { name: apiKey?.name ?? '', secret };
  }
  const issued = IssueTokenRequest.fromPartial({ account: 'somebody', plan: 'plans/free', ttl: '1h' });
  for (let count = 0; count < 2; count++)
    tokenIds.push((await admin.call(TokenServiceService.issueToken, issued, administrator)).tokenId);
}

async function createAccountsAndDevices({ admin, administrator }: Session): Promise<void> {
  for (const accountId of ['deleted', 'disabled', 'blocked', 'unblocked', 'owner']) {
    const request = CreateAccountRequest.fromPartial({ accountId, account: { plan: 'plans/free' } });
    await admin.call(AccountServiceService.createAccount, request, administrator);
  }
  for (const [fate, parent] of [
    ['blocked', 'accounts/owner'],
    ['unblocked', 'accounts/owner'],
    ['blockedWithoutCredential', ''],
  ] as const) {
    const request = CreateDeviceRequest.fromPartial({ parent, headerValue: fate, device: {} });
    devices[fate] = (await admin.call(DeviceServiceService.createDevice, request, administrator)).name;
  }
}

async function restrictAccountsAndDevices({ admin, administrator }: Session): Promise<void> {
  const deletion = DeleteAccountRequest.fromPartial({ name: 'accounts/deleted' });
  await admin.call(AccountServiceService.deleteAccount, deletion, administrator);
  const disabling = UpdateAccountRequest.fromPartial({
    account: { name: 'accounts/disabled', disabled: true },
    updateMask: 'disabled',
  });
  await admin.call(AccountServiceService.updateAccount, disabling, administrator);
  for (const name of ['accounts/blocked', 'accounts/unblocked']) {
    const block = BlockAccountRequest.fromPartial({ name, duration: '1h', reason: 'tried keys' });
    await admin.call(AccountServiceService.blockAccount, block, administrator);
  }
  const unblocking = UnblockAccountRequest.fromPartial({ name: 'accounts/unblocked' });
  await admin.call(AccountServiceService.unblockAccount, unblocking, administrator);
  const setBlocked = (name: string | undefined, blocked: boolean) => {
    const request = UpdateDeviceRequest.fromPartial({ device: { name: name ?? '', blocked }, updateMask: 'blocked' });
    return admin.call(DeviceServiceService.updateDevice, request, administrator);
  };
  for (const name of Object.values(devices)) await setBlocked(name, true);
  await setBlocked(devices.unblocked, false);
}

async function revokeCredentials({ admin, administrator, refreshToken }: Session): Promise<void> {
  const nameOf = (fate: string) => keys[fate]?.name ?? '';
  const setDisabled = (fate: string, disabled: boolean) => {
    const request = UpdateApiKeyRequest.fromPartial({
      apiKey: { name: nameOf(fate), disabled },
      updateMask: 'disabled',
    });
    return admin.call(ApiKeyServiceService.updateApiKey, request, administrator);
  };
  const deletion = DeleteApiKeyRequest.fromPartial({ name: nameOf('deleted') });
  await admin.call(ApiKeyServiceService.deleteApiKey, deletion, administrator);
  await setDisabled('disabled', true);
  await setDisabled('enabledAgain', true);
  await setDisabled('enabledAgain', false);
  const rotation = RotateApiKeyRequest.fromPartial({ name: nameOf('rotated'), overlap: '1h' });
  await admin.call(ApiKeyServiceService.rotateApiKey, rotation, administrator);
  const secret = keys.disabledByHolder?.secret ?? '';
  await admin.call(TokenInfoServiceService.disableToken, DisableTokenRequest.fromPartial({ secret }));
  for (const tokenId of tokenIds)
    await admin.call(TokenServiceService.revokeToken, RevokeTokenRequest.fromPartial({ tokenId }), administrator);
  const account = RevokeTokensRequest.fromPartial({ account: 'somebody', issuer: 'issuers/weir' });
  await admin.call(TokenServiceService.revokeTokens, account, administrator);
  await admin.call(AuthServiceService.logout, LogoutRequest.fromPartial({ refreshToken }), administrator);
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'weir-restore-'));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  postgres = await startPostgres();
  resources.defer(() => postgres.stop());
  databaseUrl = await postgres.createDatabase();
  await withNode(async (session) => {
    await createCredentials(session);
    await createAccountsAndDevices(session);
  });
  // The session of the administrator is in the copy as well: the next sign-in is another one.
  restoredUrl = await postgres.createDatabase(databaseUrl);
  logFile = path.join(folder, 'weir.log');
  const log = await withNode(async (session) => {
    await restrictAccountsAndDevices(session);
    await revokeCredentials(session); // ends the session
  });
  await writeFile(logFile, log);
}, 600_000);
afterAll(() => resources.disposeAsync());

const check = (url: string, file = logFile) => runWeir(['restore-check', '--log', file], { DATABASE_URL: url });

/** The verdict of each line, by what the line is about. */
function parseVerdicts(out: string): Record<string, string> {
  const lines = [...out.matchAll(/^(NOT IN FORCE|in force) +\S+ {2}(.+): (\w+)/gm)];
  return Object.fromEntries(
    lines.map(([, verdict = '', subject = '', state = '']) => [`${subject} ${state}`, verdict]),
  );
}

describe('weir restore-check', () => {
  const expectedSubjects = () => [
    `${keys.deleted?.name} deleted`,
    `${keys.disabled?.name} disabled`,
    `${keys.disabledByHolder?.name} disabled`,
    `${keys.rotated?.name} expires`,
    ...tokenIds.map((id) => `the token ${id} revoked`),
    'the tokens of the account somebody revoked',
    'accounts/deleted deleted',
    'accounts/disabled disabled',
    'accounts/blocked blocked',
    `${devices.blocked} blocked`,
    `${devices.blockedWithoutCredential} blocked`,
  ];

  it('lists everything that works again in a restored database, and exits with 1', async () => {
    const { code, out } = await check(restoredUrl);
    const verdicts = parseVerdicts(out);
    for (const subject of expectedSubjects()) expect([subject, verdicts[subject]]).toEqual([subject, 'NOT IN FORCE']);
    expect(out).toMatch(/\d+ of \d+ are not in force: these work again\n$/);
    expect(code).toBe(1);
  });

  it('finds everything in force in the database where it was revoked, and exits with 0', async () => {
    const { code, out } = await check(databaseUrl);
    const verdicts = parseVerdicts(out);
    for (const subject of expectedSubjects()) expect([subject, verdicts[subject]]).toEqual([subject, 'in force']);
    expect(Object.keys(verdicts).some((subject) => subject.startsWith('the session '))).toBe(true);
    expect(out).toMatch(/^all \d+ are in force\n$/m);
    expect(code).toBe(0);
  });

  it('says nothing about what was kept, enabled or unblocked again, and prints no secret', async () => {
    const { out } = await check(restoredUrl);
    for (const fate of ['kept', 'enabledAgain']) expect(out).not.toContain(keys[fate]?.name);
    for (const name of ['accounts/owner:', 'accounts/unblocked', devices.unblocked]) expect(out).not.toContain(name);
    for (const { secret } of Object.values(keys)) expect(out).not.toContain(secret);
  });

  it('reads logs with the prefixes of a log collector, and skips lines that were cut off', async () => {
    const file = path.join(folder, 'collected.log');
    const lines = (await readFile(logFile, 'utf8')).split('\n').map((line) => `weir-1  | ${line}`);
    await writeFile(file, [...lines, '{"time":"2026-01-01","msg":"access changed","chan'].join('\n'));
    expect((await check(restoredUrl, file)).out).toBe((await check(restoredUrl)).out);
  });

  it('fails for a file that is missing or no log of Weir, and without a database', async () => {
    const other = path.join(folder, 'other.log');
    await writeFile(other, 'nothing\n');
    expect(await check(restoredUrl, other)).toMatchObject({ code: 1, err: expect.stringContaining('other.log') });
    const missing = path.join(folder, 'missing.log');
    expect(await check(restoredUrl, missing)).toMatchObject({ code: 1, err: expect.stringContaining('missing.log') });
    const withoutDatabase = await runWeir(['restore-check', '--log', logFile]);
    expect(withoutDatabase).toMatchObject({ code: 1, err: expect.stringContaining('DATABASE_URL') });
  });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { freePort } from '../../../provision/free-port.ts';
import { temporaryFolder } from '../../../provision/postgres.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { TokenInfoServiceService } from '../../../src/generated/weir/admin/v1/token_info_service.ts';
import {
  IssueTokenRequest,
  RevokeTokenRequest,
  TokenServiceService,
} from '../../../src/generated/weir/admin/v1/token_service.ts';
import { check, httpStatus, shouldRateLimit } from '../../support/decision-calls.ts';
import { GrpcClient } from '../../support/grpc-client.ts';

const PASSWORD = 'known-secret-of-the-administrator';
const SIGNING_KEY_SECRET = 'known-secret-that-signing-keys-are-sealed-with';
const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

interface Running {
  readonly child: ChildProcess;
  readonly decisionPort: number;
  readonly adminPort: number;
  readonly exited: Promise<unknown[]>;
  printed(): string;
}

function run(
  args: readonly string[],
  environment: Record<string, string>,
): Omit<Running, 'decisionPort' | 'adminPort'> {
  const child = spawn(process.execPath, ['dist/src/main.js', ...args], {
    env: { PATH: process.env.PATH, ...environment },
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (printed += text));
  return { child, exited: once(child, 'exit'), printed: () => printed };
}

async function serve(): Promise<Running> {
  const folder = await temporaryFolder();
  folders.push(folder);
  const [decisionPort, adminPort, httpPort] = [await freePort(), await freePort(), await freePort()];
  const running = run(['serve'], {
    DECISION_ADDRESS: `127.0.0.1:${decisionPort}`,
    ADMIN_ADDRESS: `127.0.0.1:${adminPort}`,
    HTTP_ADDRESS: `127.0.0.1:${httpPort}`,
    DATA_DIR: path.join(folder, 'data'),
    ADMIN_EMAIL: 'admin@example.com',
    ADMIN_PASSWORD: PASSWORD,
    SIGNING_KEY_SECRET,
    LOG_LEVEL: 'trace',
  });
  const isReady = () =>
    fetch(`http://127.0.0.1:${httpPort}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  while (running.child.exitCode === null && !(await isReady())) await sleep(50);
  return { ...running, decisionPort, adminPort };
}

describe('the weir command', () => {
  it('ends with exit code 78 when the environment is wrong, and names every fault', async () => {
    const { exited, printed } = run(['serve'], { REDIS_URL: 'nowhere', WEIR_ROLE: 'boss', ADMIN_PASSWORD: 'tiny' });
    expect((await exited)[0]).toBe(78);
    expect(printed().trim().split('\n').toSorted()).toEqual([
      expect.stringMatching(/^ADMIN_PASSWORD: must be/),
      expect.stringMatching(/^REDIS_URL: must be/),
      expect.stringMatching(/^WEIR_ROLE: must be/),
    ]);
  });

  it('ends with exit code 78 when the rules are wrong, and says where', async () => {
    const { exited, printed } = run(['serve'], { RULES_PATH: 'package.json' });
    expect((await exited)[0]).toBe(78);
    expect(printed()).toContain('package.json:2:3: name: not supported here');
  });

  it('checks rules', async () => {
    const good = run(['check-rules', 'demo/rules.yaml'], {});
    expect((await good.exited)[0]).toBe(0);
    const bad = run(['check-rules', 'package.json'], {});
    expect((await bad.exited)[0]).toBe(1);
    expect(bad.printed()).toMatch(/^package\.json:\d+:\d+: /);
  });

  it('tells its usage when it does not understand', async () => {
    const { exited, printed } = run(['serve', 'everything'], {});
    expect((await exited)[0]).toBe(2);
    expect(printed()).toContain('weir serve');
  });
});

describe('a process that serves', () => {
  it('finishes what is under way on SIGTERM, fails no call before it is gone, and exits with 0', async () => {
    const { child, decisionPort, exited } = await serve();
    const clients = Array.from({ length: 4 }, () => new GrpcClient(decisionPort));
    let answered = 0;
    const failed: string[] = [];
    const load = clients.map(async (client) => {
      while (child.exitCode === null && failed.length === 0) {
        await shouldRateLimit(client, 'any', ['a', 'b']).then(
          () => answered++,
          (error: Error) => failed.push(error.message),
        );
      }
    });
    await expect.poll(() => answered).toBeGreaterThan(200);
    child.kill('SIGTERM');
    expect((await exited)[0]).toBe(0);
    await Promise.all(load);
    for (const client of clients) client.close();
    // What fails is only what was asked when nobody listened any more.
    for (const message of failed) expect(message).toMatch(/ECONNREFUSED|No connection established/);
  });

  it('stops in order on Ctrl-C, which reaches it from the terminal and again from npm', async () => {
    const { child, exited, printed } = await serve();
    child.kill('SIGINT');
    await sleep(5);
    child.kill('SIGINT');
    expect((await exited)[0]).toBe(0);
    expect(printed()).toContain('"msg":"stopped"');
  });

  it('logs no secret, at the most talkative level', async () => {
    const { child, decisionPort, adminPort, exited, printed } = await serve();
    const [decision, admin] = [new GrpcClient(decisionPort), new GrpcClient(adminPort)];
    const login = { email: 'admin@example.com', password: PASSWORD };
    const { accessToken, refreshToken } = await admin.call(AuthServiceService.login, login);
    const wrong = { ...login, password: 'another-known-secret' };
    await admin.callAndFail(AuthServiceService.login, wrong, { authorization: `Bearer ${accessToken}` });
    const administrator = { authorization: `Bearer ${accessToken}` };
    const request = IssueTokenRequest.fromPartial({
      account: 'somebody',
      plan: 'plans/free',
      role: 'admin',
      ttl: '1h',
    });
    const { token } = await admin.call(TokenServiceService.issueToken, request, administrator);
    for (const authorization of [`Bearer ${token}`, `Bearer ${token}x`]) {
      await check(decision, { authorization });
      await admin.callAndFail(AuthServiceService.logout, { refreshToken: 'another-known-secret' }, { authorization });
    }
    await admin.call(TokenInfoServiceService.getTokenInfo, { secret: token });
    await admin.call(TokenInfoServiceService.disableToken, { secret: token });
    await admin.callAndFail(TokenServiceService.issueToken, request, { authorization: `Bearer ${token}` });
    await admin.callAndFail(
      TokenServiceService.revokeToken,
      RevokeTokenRequest.fromPartial({ token: `${token}x` }),
      administrator,
    );
    const key = `wk_live_${'A'.repeat(28)}`;
    expect(httpStatus(await check(decision, { 'x-api-key': key, authorization: `Bearer ${accessToken}` }))).toBe(401);
    decision.close();
    admin.close();
    child.kill('SIGTERM');
    await exited;
    expect(printed()).toContain('"msg":"stopped"');
    for (const secret of [PASSWORD, wrong.password, accessToken, refreshToken, key, token, SIGNING_KEY_SECRET])
      expect(printed()).not.toContain(secret);
  });
});

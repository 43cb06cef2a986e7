import { rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { createTemporaryFolder } from '../../../provision/postgres.ts';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { TokenInfoServiceService } from '../../../src/generated/weir/admin/v1/token_info_service.ts';
import {
  IssueTokenRequest,
  RevokeTokenRequest,
  TokenServiceService,
} from '../../../src/generated/weir/admin/v1/token_service.ts';
import { check, httpStatus, shouldRateLimit } from '../../support/clients/decision-calls.ts';
import { GrpcClient } from '../../support/clients/grpc-client.ts';
import type { Environment } from '../../support/node.ts';
import { startWeirProcess, WeirProcess } from '../../support/weir-process.ts';

/** As built, because that is what `npm start` runs. */
const PROGRAM = 'dist/src/main.js';
const PASSWORD = 'known-secret-of-the-administrator';
const SIGNING_KEY_SECRET = 'known-secret-that-signing-keys-are-sealed-with';
const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

async function run(operands: readonly string[], environment: Environment = {}) {
  const weir = new WeirProcess(operands, environment, PROGRAM);
  return { code: await weir.exited, printed: weir.printed };
}

/** Starts a node with the embedded Postgres. */
async function serve() {
  const folder = await createTemporaryFolder();
  folders.push(folder);
  const environment = {
    DATA_DIR: path.join(folder, 'data'),
    ADMIN_EMAIL: 'admin@example.com',
    ADMIN_PASSWORD: PASSWORD,
    SIGNING_KEY_SECRET,
    LOG_LEVEL: 'trace',
  };
  return startWeirProcess(environment, PROGRAM);
}

describe('the weir command', () => {
  it('exits with 78 if the environment is wrong, and names every fault', async () => {
    const { code, printed } = await run(['serve'], {
      REDIS_URL: 'nowhere',
      WEIR_ROLE: 'boss',
      ADMIN_PASSWORD: 'tiny',
    });
    expect(code).toBe(78);
    expect(printed.trim().split('\n').toSorted()).toEqual([
      expect.stringMatching(/^ADMIN_PASSWORD: must have/),
      expect.stringMatching(/^REDIS_URL: must be/),
      expect.stringMatching(/^WEIR_ROLE: must be/),
    ]);
  });

  it('exits with 78 if the rules are wrong, and says where', async () => {
    const { code, printed } = await run(['serve'], { RULES_PATH: 'package.json' });
    expect(code).toBe(78);
    expect(printed).toContain('package.json:2:3: name: unknown field');
  });

  it('exits with 0 from check-rules without faults, and with 1 and their locations with faults', async () => {
    expect((await run(['check-rules', 'demo/rules.yaml'])).code).toBe(0);
    const bad = await run(['check-rules', 'package.json']);
    expect(bad.code).toBe(1);
    expect(bad.printed).toMatch(/^package\.json:\d+:\d+: /);
  });

  it('exits with 2 and points to its usage if it does not understand its arguments', async () => {
    const { code, printed } = await run(['serve', 'everything']);
    expect(code).toBe(2);
    expect(printed).toContain('weir serve');
  });
});

describe('a process that serves', () => {
  it('finishes the calls in flight on SIGTERM, fails no call before it is gone, and exits with 0', async () => {
    const { weir, ports } = await serve();
    const clients = Array.from({ length: 4 }, () => new GrpcClient(ports.decision));
    let answered = 0;
    const failed: string[] = [];
    const load = clients.map(async (client) => {
      while (!weir.hasExited && failed.length === 0) {
        await shouldRateLimit(client, 'any', ['a', 'b']).then(
          () => answered++,
          (error: Error) => failed.push(error.message),
        );
      }
    });
    await expect.poll(() => answered, { timeout: 20_000 }).toBeGreaterThan(200);
    expect(await weir.stop()).toBe(0);
    await Promise.all(load);
    for (const client of clients) client.close();
    // The only calls that fail are those sent when nobody listened any more.
    for (const message of failed) expect(message).toMatch(/ECONNREFUSED|No connection established/);
  });

  it('stops in order on Ctrl-C, which reaches it from the terminal and again from npm', async () => {
    const { weir } = await serve();
    weir.kill('SIGINT');
    await sleep(5);
    weir.kill('SIGINT');
    expect(await weir.exited).toBe(0);
    expect(weir.printed).toContain('"msg":"stopped"');
  });

  it('logs no secret, even at the level trace', async () => {
    const { weir, ports } = await serve();
    const [decision, admin] = [new GrpcClient(ports.decision), new GrpcClient(ports.admin)];
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
      await admin.callAndFail(
        AuthServiceService.logout,
        { refreshToken: 'another-known-secret', allSessions: false },
        { authorization },
      );
    }
    await admin.call(TokenInfoServiceService.getTokenInfo, { secret: token });
    await admin.call(TokenInfoServiceService.disableToken, { secret: token });
    await admin.callAndFail(TokenServiceService.issueToken, request, { authorization: `Bearer ${token}` });
    const revocation = RevokeTokenRequest.fromPartial({ token: `${token}x` });
    await admin.callAndFail(TokenServiceService.revokeToken, revocation, administrator);
    const key = `wk_live_${'A'.repeat(28)}`;
    expect(httpStatus(await check(decision, { 'x-api-key': key, authorization: `Bearer ${accessToken}` }))).toBe(401);
    decision.close();
    admin.close();
    await weir.stop();
    expect(weir.printed).toContain('"msg":"stopped"');
    for (const secret of [PASSWORD, wrong.password, accessToken, refreshToken, key, token, SIGNING_KEY_SECRET])
      expect(weir.printed).not.toContain(secret);
  });
});

import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuthServiceService } from '../../../src/generated/weir/admin/v1/auth_service.ts';
import { callFrom } from '../../support/clients/call-from-address.ts';
import { GrpcClient } from '../../support/clients/grpc-client.ts';
import { ADMINISTRATOR } from '../../support/node.ts';
import { startWithDefaultLimits } from '../start-with-default-limits.ts';

const ATTEMPTS = 1_000;
const { OK, UNAUTHENTICATED, RESOURCE_EXHAUSTED, UNAVAILABLE } = status;

let started: Awaited<ReturnType<typeof startWithDefaultLimits>>;
let admin: GrpcClient;

beforeAll(async () => {
  // An attacker with a network of IPv6 passes a proxy.
  started = await startWithDefaultLimits({ TRUSTED_PROXIES: '127.9.9.9/32' });
  admin = new GrpcClient(started.ports.admin);
});
afterAll(async () => {
  admin?.close();
  await started?.weir.stop();
});

async function readMetric(name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${started.ports.http}/metrics`)).text();
  const values = [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\d+)$`, 'gm'))];
  return values.reduce((sum, [, value]) => sum + Number(value), 0);
}

const countHashes = () => readMetric('weir_password_hashes_total');
const countRejections = () => readMetric('weir_admin_calls_rejected_total');

/** Guesses passwords of e-mail addresses, all at once. Returns the statuses. */
async function guess(address: string, emails: readonly string[], forwardedFor?: string): Promise<readonly number[]> {
  const requests = emails.map((email) => ({ email, password: 'a guess' }));
  const headers: Record<string, string> = forwardedFor === undefined ? {} : { 'x-forwarded-for': forwardedFor };
  const responses = await callFrom(address, started.ports.admin, AuthServiceService.login, requests, headers);
  return responses.map(({ code }) => code);
}

const count = (codes: readonly number[], code: number) => codes.filter((each) => each === code).length;
const emails = (many: number, prefix: string) =>
  Array.from({ length: many }, (_, index) => `${prefix}${index}@example.com`);
const repeatEmail = (many: number) => Array<string>(many).fill(ADMINISTRATOR.email);

describe('1,000 guesses of a password', () => {
  it('from one address hash 10 of them, and an administrator elsewhere signs in', async () => {
    const [hashes, rejections] = [await countHashes(), await countRejections()];
    const attack = guess('127.1.0.1', repeatEmail(ATTEMPTS));
    const { accessToken } = await admin.call(AuthServiceService.login, ADMINISTRATOR);
    expect(accessToken).not.toBe('');
    const codes = await attack;
    expect(count(codes, UNAUTHENTICATED)).toBeLessThanOrEqual(10);
    // On a busy machine, some of the ten have no turn within the longest wait.
    const rejected = count(codes, RESOURCE_EXHAUSTED) + count(codes, UNAVAILABLE);
    expect(count(codes, UNAUTHENTICATED) + rejected).toBe(ATTEMPTS);
    // The one more is the administrator's.
    expect((await countHashes()) - hashes).toBeLessThanOrEqual(10 + 1);
    expect((await countRejections()) - rejections).toBe(rejected);
  });

  it('of many e-mail addresses, from one network of IPv6, hash 20 of them', async () => {
    const hashes = await countHashes();
    const attacks = emails(ATTEMPTS, 'many').map((email, host) =>
      host % 100 === 0 ? guess('127.9.9.9', emails(100, `${email}-`), `2001:db8::${host.toString(16)}`) : [],
    );
    const codes = (await Promise.all(attacks)).flat();
    expect(codes).toHaveLength(ATTEMPTS);
    expect(count(codes, UNAUTHENTICATED)).toBeLessThanOrEqual(20);
    expect((await countHashes()) - hashes).toBeLessThanOrEqual(20);
  });

  it('from 50 addresses hash 100 of them, and an administrator elsewhere signs in', async () => {
    const hashes = await countHashes();
    const attacks = Array.from({ length: 50 }, (_, host) => guess(`127.2.0.${host + 1}`, repeatEmail(ATTEMPTS / 50)));
    const { accessToken } = await admin.call(AuthServiceService.login, ADMINISTRATOR);
    expect(accessToken).not.toBe('');
    const codes = (await Promise.all(attacks)).flat();
    expect(codes).not.toContain(OK);
    expect((await countHashes()) - hashes).toBeLessThanOrEqual(100 + 1);
  });

  it('while the decision process hangs hash 20 of them, from one address', async () => {
    const pid = started.weir.decisionPid ?? expect.unreachable('the node has no decision process');
    const hashes = await countHashes();
    process.kill(pid, 'SIGSTOP');
    try {
      const codes = [...(await guess('127.4.0.1', emails(60, 'a'))), ...(await guess('127.4.0.1', emails(60, 'b')))];
      expect(codes).not.toContain(UNAVAILABLE);
      expect(count(codes, UNAUTHENTICATED)).toBeLessThanOrEqual(20);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    expect((await countHashes()) - hashes).toBeLessThanOrEqual(20);
  });
});

import { describe, expect, it } from 'vitest';
import { LOGIN } from '../../../test/support/limited-call.ts';
import { MemoryStore } from '../../counters/memory/memory-store.ts';
import type { CallOutcome } from '../../domain/rules/reserved-domains.ts';
import type { RuleBook } from '../../domain/rules/rule-book.ts';
import type { LimitedCall } from '../../interfaces/admin-limits.ts';
import { DEFAULT_ADMIN_BOOK } from '../../rules/default-admin-rules.ts';
import { parseRules } from '../../rules/parse/parse-rules.ts';
import { createAdminLimits } from './admin-limits.ts';

const SECOND = 1_000_000;
const NOON = Date.UTC(2026, 2, 14, 12) * 1000;

function open(book: RuleBook = DEFAULT_ADMIN_BOOK, maxCounters = 1_000) {
  const clock = { now: NOON };
  const limits = createAdminLimits(new MemoryStore({ now: () => clock.now, maxCounters, source: 'memory' }), { book });
  /** Makes a call that ends with an outcome. Returns whether it was admitted, or the seconds until it may be repeated. */
  const call = async (fields: Partial<LimitedCall>, outcome: CallOutcome = 'ok') => {
    const limited: LimitedCall = { ...LOGIN, ...fields };
    const admission = await limits.begin(limited);
    if (admission.kind === 'admitted') await limits.end({ call: limited, outcome, receipt: admission.receipt });
    return admission.kind === 'rejected' ? admission.retryAfterSeconds : admission.kind;
  };
  const repeat = async (count: number, fields: Partial<LimitedCall>, outcome?: CallOutcome) => {
    const answers: unknown[] = [];
    for (let time = 0; time < count; time++) answers.push(await call(fields, outcome));
    return answers;
  };
  return { clock, limits, call, repeat };
}

const LIST: LimitedCall = { ...LOGIN, method: 'PlanService/ListPlans', account: undefined, assumedOutcome: undefined };
const admitted = (count: number) => Array(count).fill('admitted');

function bookOf(descriptors: string): RuleBook {
  const parsed = parseRules('rules.yaml', `domain: admin\ndescriptors: [${descriptors}]`);
  if (!('root' in parsed)) throw new Error(JSON.stringify(parsed));
  return new Map([[parsed.domain, parsed.root]]);
}

describe('by default', () => {
  it('a network signs in 20 times a minute, and a network of IPv6 has 64 bits', async () => {
    const { clock, repeat, call } = open();
    expect(await repeat(20, {})).toEqual(admitted(20));
    expect(await call({ account: 'email:b' })).toBe(60);
    for (let host = 1; host <= 20; host++) {
      expect(await call({ remoteAddress: `2001:db8::${host.toString(16)}` })).toBe('admitted');
    }
    expect(await call({ remoteAddress: '2001:db8::ffff:1' })).toBe(60);
    expect(await call({ remoteAddress: '2001:db8:0:1::1' })).toBe('admitted');
    clock.now += 60 * SECOND;
    expect(await call({})).toBe('admitted');
  });

  it('an e-mail address has 10 wrong passwords in 15 minutes from one network, and no right one counts', async () => {
    const { clock, repeat, call } = open();
    expect(await repeat(5, {}, 'wrong_password')).toEqual(admitted(5));
    expect(await repeat(3, {}, 'ok')).toEqual(admitted(3));
    expect(await repeat(5, {}, 'wrong_password')).toEqual(admitted(5));
    expect(await call({})).toBe(15 * 60);
    expect(await call({ account: 'email:b' })).toBe('admitted');
    expect(await call({ remoteAddress: '192.0.2.2' })).toBe('admitted');
    clock.now += 15 * 60 * SECOND;
    expect(await call({})).toBe('admitted');
  });

  it('calls at the same time cannot try more passwords than calls one after the other', async () => {
    const { limits } = open();
    const admissions = await Promise.all(Array.from({ length: 15 }, () => limits.begin(LOGIN)));
    expect(admissions.filter(({ kind }) => kind === 'admitted')).toHaveLength(10);
  });

  it('after 100 wrong passwords for an e-mail address, only networks that have signed in before may try', async () => {
    const { limits, repeat, call } = open();
    for (let network = 1; network <= 10; network++) {
      await repeat(10, { remoteAddress: `198.51.100.${network}` }, 'wrong_password');
    }
    expect(await limits.begin(LOGIN)).toMatchObject({ kind: 'rejected', isForUnknownNetworks: true });
    expect(await repeat(9, { isKnownNetwork: true }, 'wrong_password')).toEqual(admitted(9));
    expect(await call({ isKnownNetwork: true })).toBe('admitted');
    // A known network has its own limit.
    await call({ isKnownNetwork: true }, 'wrong_password');
    expect(await limits.begin({ ...LOGIN, isKnownNetwork: true })).toMatchObject({ isForUnknownNetworks: false });
    expect(await call({ account: 'email:b' })).toBe('admitted');
  });

  it('a network registers 5 accounts an hour, and an account changes its password 5 times an hour', async () => {
    const { repeat, call } = open();
    const register = { method: 'AuthService/Register', assumedOutcome: undefined };
    expect(await repeat(5, register)).toEqual(admitted(5));
    expect(await call({ ...register, account: 'email:b' })).toBe(3600);
    const change = {
      method: 'AuthService/ChangePassword',
      account: 'ann',
      isAuthenticated: true,
      isKnownNetwork: true,
    };
    expect(await repeat(5, change)).toEqual(admitted(5));
    expect(await call({ ...change, remoteAddress: '192.0.2.2' })).toBe(3600);
    expect(await call({ ...change, account: 'bob' })).toBe('admitted');
  });

  it('calls with invalid fields use up no other limit than that of malformed calls', async () => {
    const { repeat, call } = open();
    const register = { method: 'AuthService/Register', assumedOutcome: undefined };
    expect(await repeat(6, register, 'invalid_request')).toEqual(admitted(6));
    expect(await repeat(5, register)).toEqual(admitted(5));
    expect(await call(register)).toBe(3600);
    const change = { method: 'AuthService/ChangePassword', account: 'ann', isAuthenticated: true };
    expect(await repeat(20, change, 'invalid_request')).toEqual(admitted(20));
    expect(await repeat(5, change, 'wrong_password')).toEqual(admitted(5));
    expect(await call(change)).toBe(3600);
  });

  it('an e-mail address gets 5 password resets an hour, and a network asks for 20', async () => {
    const { repeat, call } = open();
    const forgotten = { method: 'AuthService/RequestPasswordReset', assumedOutcome: undefined };
    expect(await repeat(5, forgotten)).toEqual(admitted(5));
    expect(await call(forgotten)).toBe(3600);
    for (let other = 0; other < 15; other++)
      expect(await call({ ...forgotten, account: `email:${other}` })).toBe('admitted');
    expect(await call({ ...forgotten, account: 'email:other' })).toBe(3600);
  });

  it('10 malformed or unauthenticated calls in 15 s keep the others of their network away for 60 s', async () => {
    const { clock, repeat, call } = open();
    expect(await repeat(5, LIST, 'invalid_token')).toEqual(admitted(5));
    expect(await repeat(5, LIST, 'invalid_request')).toEqual(admitted(5));
    expect(await repeat(2, LIST, 'invalid_token')).toEqual([60, 60]);
    expect(await call({})).toBe(60);
    expect(await call({ remoteAddress: '192.0.2.2' })).toBe('admitted');
    // Calls with a valid token go on, and their mistakes do not count.
    const signedIn = { ...LIST, account: 'ann', isAuthenticated: true, isKnownNetwork: true };
    expect(await repeat(20, signedIn, 'invalid_request')).toEqual(admitted(20));
    clock.now += 59 * SECOND;
    expect(await call(LIST)).toBe(1);
    clock.now += SECOND;
    expect(await call(LIST)).toBe('admitted');
  });

  it('3 of them from one device of a network keep that device away, and no device of another network', async () => {
    const { repeat, call } = open();
    const device = { ...LIST, device: 'd' };
    expect(await repeat(3, device, 'invalid_request')).toEqual(admitted(3));
    expect(await call(device)).toBe(60);
    expect(await call({ ...LIST, device: 'e' })).toBe('admitted');
    expect(await call(LIST)).toBe('admitted');
    expect(await call({ ...device, remoteAddress: '192.0.2.2' })).toBe('admitted');
  });

  it('wrong passwords of an account keep only further passwords away', async () => {
    const { repeat, call } = open();
    expect(await repeat(10, {}, 'wrong_password')).toEqual(admitted(10));
    const forgotten = { method: 'AuthService/RequestPasswordReset', assumedOutcome: undefined };
    expect(await call(forgotten)).toBe('admitted');
    const signedIn = { account: 'ann', isAuthenticated: true, isKnownNetwork: true };
    const deactivate = { ...signedIn, method: 'AuthService/DeactivateAccount' };
    expect(await repeat(10, deactivate, 'wrong_password')).toEqual(admitted(10));
    expect(await call(deactivate)).toBe(15 * 60);
    expect(await call({ ...LIST, ...signedIn })).toBe('admitted');
  });

  it('other outcomes count nowhere', async () => {
    const { repeat } = open();
    expect(await repeat(50, LIST, 'failed')).toEqual(admitted(50));
  });
});

describe('rules of the domain admin', () => {
  it('limit those who have signed in only where they name the account', async () => {
    const { repeat } = open(bookOf('{key: remote_address, rate_limit: {requests: 2, window: 1m}}'));
    const signedIn = { ...LIST, account: 'ann', isAuthenticated: true };
    expect(await repeat(3, LIST)).toEqual(['admitted', 'admitted', 60]);
    expect(await repeat(3, signedIn)).toEqual(admitted(3));
    const perAccount = open(bookOf('{key: account, rate_limit: {requests: 2, window: 1m}}'));
    expect(await perAccount.repeat(3, signedIn)).toEqual(['admitted', 'admitted', 60]);
  });

  it('match in any order of their entries, and count outcomes that share a wildcard together', async () => {
    const rules =
      '{key: remote_address, descriptors: [{key: outcome, value: "*", share_threshold: true, rate_limit: {requests: 3, window: 1m}}]}';
    const { call } = open(bookOf(rules));
    expect(await call(LIST, 'ok')).toBe('admitted');
    expect(await call({}, 'wrong_password')).toBe('admitted');
    expect(await call(LIST, 'failed')).toBe('admitted');
    expect(await call(LIST)).toBe(60);
    expect(await call({})).toBe(60);
  });

  it('say that they cannot count when there is no room for another counter', async () => {
    const { call } = open(DEFAULT_ADMIN_BOOK, 1);
    expect(await call({})).toBe('unknown');
  });
});

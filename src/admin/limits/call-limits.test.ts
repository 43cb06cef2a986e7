import { expect, it } from 'vitest';
import { LOGIN } from '../../../test/support/limited-call.ts';
import { MemoryStore } from '../../counters/memory/memory-store.ts';
import { createAdminLimits } from '../../decide/admin/admin-limits.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { AdminLimits, LimitedCall } from '../../interfaces/admin-limits.ts';
import { DEFAULT_ADMIN_BOOK } from '../../rules/default-admin-rules.ts';
import { createCallLimits } from './call-limits.ts';

function openLimits(maxCounters = 1_000): AdminLimits {
  const store = new MemoryStore({ now: () => Date.now() * 1000, maxCounters, source: 'memory' });
  return createAdminLimits(store, { book: DEFAULT_ADMIN_BOOK });
}

const away: AdminLimits = {
  begin: () => Promise.reject(new ApiError({ kind: 'decisions_unavailable' })),
  end: () => Promise.reject(new ApiError({ kind: 'decisions_unavailable' })),
};

async function countAdmitted(limits: ReturnType<typeof createCallLimits>, call: LimitedCall, calls = 30) {
  let admitted = 0;
  for (let time = 0; time < calls; time++) {
    const begun = await limits.begin(call);
    if (begun.kind === 'rejected') continue;
    admitted += 1;
    await begun.end('wrong_password');
  }
  return admitted;
}

it('while the process that decides is away, calls are counted here, and each network apart', async () => {
  const limits = createCallLimits(away, openLimits());
  expect(await countAdmitted(limits, LOGIN)).toBe(10);
  expect(await countAdmitted(limits, { ...LOGIN, remoteAddress: '192.0.2.2' })).toBe(10);
});

it('calls that began there and end while it is away are counted here', async () => {
  const [shared, local] = [openLimits(), openLimits()];
  const limits = createCallLimits({ begin: shared.begin, end: away.end }, local);
  const call = { ...LOGIN, method: 'PlanService/ListPlans', account: undefined, assumedOutcome: undefined };
  for (let time = 0; time < 10; time++) {
    const begun = await limits.begin(call);
    if (begun.kind === 'admitted') await begun.end('invalid_token');
  }
  expect((await local.begin(call)).kind).toBe('rejected');
});

it('without room for counters, nobody gets in but those with a valid token', async () => {
  const limits = createCallLimits(openLimits(1), openLimits(1));
  expect(await countAdmitted(limits, LOGIN)).toBe(0);
  const signedIn = { ...LOGIN, method: 'AuthService/ChangePassword', account: 'ann', isAuthenticated: true };
  expect((await limits.begin(signedIn)).kind).toBe('admitted');
});

it('an error that is a bug lets nobody in uncounted', async () => {
  const broken: AdminLimits = { begin: () => Promise.reject(new Error('a bug')), end: async () => {} };
  await expect(createCallLimits(broken, openLimits()).begin(LOGIN)).rejects.toThrow('a bug');
});

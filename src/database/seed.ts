import { randomBytes, randomUUID } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import { withAdvisoryLock } from './advisory-locks.ts';
import { AccountEntity } from './entities/account-entity.ts';
import { PlanEntity } from './entities/plan-entity.ts';
import type { Database } from './open-database.ts';

export interface SeedOptions {
  /** The first administrator. An undefined password is generated. Ignored if there already is an administrator. */
  readonly admin: { readonly email: string; readonly password: string | undefined };
  hashPassword(password: string): Promise<string>;
}

export interface SeedResult {
  /** The first administrator's password if this call generated it. It is stored nowhere else: show it now. */
  readonly generatedPassword: string | undefined;
}

/** The plan of a new account. */
const DEFAULT_PLAN_ID = 'free';

/** Keys of an account share the limits: otherwise another key would bring another budget. */
const INITIAL_PLANS: readonly Pick<PlanEntity, 'id' | 'displayName' | 'maxApiKeys' | 'limits'>[] = [
  {
    id: DEFAULT_PLAN_ID,
    displayName: 'Free',
    maxApiKeys: 5,
    limits: [
      { name: 'minute', requests: 60, window: '60s', algorithm: 'sliding_window', per: 'account' },
      { name: 'day', requests: 1_000, window: '86400s', algorithm: 'calendar', per: 'account' },
    ],
  },
  {
    id: 'pro',
    displayName: 'Pro',
    maxApiKeys: 50,
    limits: [
      { name: 'minute', requests: 600, window: '60s', algorithm: 'sliding_window', per: 'account' },
      { name: 'hour', requests: 20_000, window: '3600s', algorithm: 'sliding_window', per: 'account' },
      { name: 'day', requests: 50_000, window: '86400s', algorithm: 'calendar', per: 'account' },
    ],
  },
  {
    id: 'enterprise',
    displayName: 'Enterprise',
    maxApiKeys: 0,
    limits: [{ name: 'unlimited', requests: 0, window: '', algorithm: 'unlimited' }],
  },
];

/**
 * Fills an empty database with what a first start needs: plans and an administrator. Leaves existing rows alone, so
 * every start can call it, and many nodes can call it at once.
 */
export async function seed(database: Database, options: SeedOptions): Promise<SeedResult> {
  return withAdvisoryLock(database, 'seed', async () => {
    const em = database.em.fork();
    // Only into an empty table: a plan that an administrator has deleted must not come back.
    if ((await em.count(PlanEntity)) === 0) {
      for (const plan of INITIAL_PLANS) em.create(PlanEntity, { ...plan, features: [] });
      await em.flush();
    }
    const generatedPassword = await createFirstAdmin(em, options);
    await em.flush();
    return { generatedPassword };
  });
}

/** Returns the password if it was generated. */
async function createFirstAdmin(em: EntityManager, { admin, hashPassword }: SeedOptions): Promise<string | undefined> {
  if ((await em.count(AccountEntity, { role: 'admin' })) > 0) return undefined;
  const password = admin.password ?? randomBytes(18).toString('base64url');
  const email = admin.email.toLowerCase();
  const passwordHash = await hashPassword(password);
  em.create(AccountEntity, { id: randomUUID(), email, passwordHash, role: 'admin', planId: DEFAULT_PLAN_ID });
  return admin.password === undefined ? password : undefined;
}

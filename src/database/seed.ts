import { randomBytes, randomUUID } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import type { LimitSpec } from '../domain/limits/limit-spec.ts';
import { AccountEntity, PlanEntity } from './entities.ts';
import { withSeedLock } from './migrate.ts';
import type { Database } from './open-database.ts';

export interface SeedOptions {
  /** The first administrator; without a password one is made up. Neither matters once there is an administrator. */
  readonly admin: { readonly email: string; readonly password: string | undefined };
  hashPassword(password: string): Promise<string>;
}

export interface SeedResult {
  /** Set when this call made up the first administrator's password: nobody else knows it, so print it now. */
  readonly generatedPassword: string | undefined;
}

const limit = (name: string, requests: number, window: string, algorithm: string): LimitSpec => {
  return { name, requests, window, algorithm };
};

/** The plan that accounts have until they get another. */
export const DEFAULT_PLAN_ID = 'free';

const FIRST_PLANS: readonly { id: string; displayName: string; limits: readonly LimitSpec[] }[] = [
  {
    id: DEFAULT_PLAN_ID,
    displayName: 'Free',
    limits: [limit('minute', 60, '60s', 'sliding_window'), limit('day', 1_000, '86400s', 'calendar')],
  },
  {
    id: 'pro',
    displayName: 'Pro',
    limits: [
      limit('minute', 600, '60s', 'sliding_window'),
      limit('hour', 20_000, '3600s', 'sliding_window'),
      limit('day', 50_000, '86400s', 'calendar'),
    ],
  },
  { id: 'enterprise', displayName: 'Enterprise', limits: [] },
];

/**
 * Fills an empty database with what a first start needs: plans and an administrator. What is there already is left alone,
 * so it may be called at every start and by many nodes at once.
 */
export async function seed(database: Database, options: SeedOptions): Promise<SeedResult> {
  return withSeedLock(database, async () => {
    const em = database.em.fork();
    // A plan that an administrator deleted does not come back: plans are made in an empty table only.
    if ((await em.count(PlanEntity)) === 0) {
      for (const plan of FIRST_PLANS) em.create(PlanEntity, { ...plan, features: [] });
      await em.flush();
    }
    const generatedPassword = await createFirstAdmin(em, options);
    await em.flush();
    return { generatedPassword };
  });
}

async function createFirstAdmin(em: EntityManager, { admin, hashPassword }: SeedOptions): Promise<string | undefined> {
  if ((await em.count(AccountEntity, { role: 'admin' })) > 0) return undefined;
  const password = admin.password ?? randomBytes(18).toString('base64url');
  const email = admin.email.toLowerCase();
  const passwordHash = await hashPassword(password);
  em.create(AccountEntity, { id: randomUUID(), email, passwordHash, role: 'admin', planId: DEFAULT_PLAN_ID });
  return admin.password === undefined ? password : undefined;
}

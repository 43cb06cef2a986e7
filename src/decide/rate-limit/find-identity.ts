import { findAccountDenial } from '../../domain/account-state.ts';
import { keyStatus } from '../../domain/credentials/api-key.ts';
import { chargesForAccount, chargesForKey } from '../check/credential-charges.ts';
import type { NamedCharge } from '../named-charge.ts';
import type { Catalog, Usage } from '../ports.ts';
import { NOBODY } from '../usage.ts';
import { type IdentityRejection, UNKNOWN_IDENTITY } from './identity-rejection.ts';

/** A key or an account that a descriptor of the domain `plans` names. */
export type PlanIdentity =
  | { readonly usage: Usage; readonly charges: readonly NamedCharge[]; readonly rejection: undefined }
  /** It must not pass. */
  | { readonly usage: Usage; readonly rejection: IdentityRejection };

interface IdentityContext {
  readonly hits: number;
  readonly route: string | undefined;
  readonly catalog: Catalog;
  /** Unix time in ms. */
  readonly now: number;
}

/** Finds a key or an account by its id. */
export function findIdentity(kind: string, id: string, context: IdentityContext): PlanIdentity {
  return kind === 'account' ? findAccount(id, context) : findKey(id, context);
}

function findAccount(id: string, { hits, route, catalog, now }: IdentityContext): PlanIdentity {
  const account = catalog.account(id);
  if (account === undefined) return { usage: { ...NOBODY, route, hits }, rejection: UNKNOWN_IDENTITY };
  const usage = { record: account, accountId: id, keyId: undefined, planId: account.planId, route, hits };
  const rejection = findAccountDenial(account, now);
  if (rejection !== undefined) return { usage, rejection };
  const plan = catalog.plan(account.planId);
  if (plan === undefined) return { usage, rejection: UNKNOWN_IDENTITY };
  return { usage, charges: chargesForAccount(account, plan, { hits, route, now }), rejection };
}

function findKey(id: string, { hits, route, catalog, now }: IdentityContext): PlanIdentity {
  const key = catalog.key(id);
  if (key === undefined) return { usage: { ...NOBODY, route, hits }, rejection: UNKNOWN_IDENTITY };
  const usage = { record: key, accountId: key.accountId, keyId: id, planId: key.planId, route, hits };
  const status = keyStatus(key, now);
  if (status !== 'valid') {
    return { usage, rejection: { code: `${status}_credential`, retryAfterSeconds: undefined } };
  }
  const rejection = findAccountDenial(key.accountState, now);
  if (rejection !== undefined) return { usage, rejection };
  const plan = catalog.plan(key.planId);
  if (plan === undefined) return { usage, rejection: UNKNOWN_IDENTITY };
  return { usage, charges: chargesForKey(key, plan, { hits, route, now }), rejection };
}

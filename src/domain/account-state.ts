import type { SupersededLimitSpec } from './limits/superseded-limit.ts';

/** Restrictions on the use of the keys and tokens of an account. */
export interface AccountState {
  readonly disabled: boolean;
  /** When the block of the account ends, or has ended, as Unix time in ms; undefined: it has no block. */
  readonly blockEndsAt: number | undefined;
}

/** An account, as far as decisions need it. */
export interface AccountRecord extends AccountState {
  readonly id: string;
  readonly planId: string;
  /** Limits of the plans that it had before. The same list until it changes. Left out or undefined: there are none. */
  readonly supersededPlanLimits?: readonly SupersededLimitSpec[] | undefined;
}

/** The state of nearly all accounts. */
export const UNRESTRICTED: AccountState = { disabled: false, blockEndsAt: undefined };

/** Why the keys and tokens of an account are denied. */
export interface AccountDenial {
  readonly code: 'disabled_account' | 'blocked_account';
  /** Whole seconds until the block ends, rounded up. undefined: only an administrator can end it. */
  readonly retryAfterSeconds: number | undefined;
}

const DISABLED: AccountDenial = { code: 'disabled_account', retryAfterSeconds: undefined };

/** Returns undefined if an account may be used at `now`, a Unix time in ms. Disabling takes precedence over a block. */
export function findAccountDenial({ disabled, blockEndsAt }: AccountState, now: number): AccountDenial | undefined {
  if (disabled) return DISABLED;
  if (blockEndsAt === undefined || now >= blockEndsAt) return undefined;
  return { code: 'blocked_account', retryAfterSeconds: Math.ceil((blockEndsAt - now) / 1000) };
}

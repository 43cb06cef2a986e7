import type { DenialCode } from '../../domain/denial.ts';

/** Why a descriptor of the domain `plans` rejects its request before anything is counted. */
export interface IdentityRejection {
  /** The code with which Check would deny the key, or a credential of the account. */
  readonly code: DenialCode;
  /** Whole seconds after which the key or account may pass. undefined: no retry is promised. */
  readonly retryAfterSeconds: number | undefined;
}

/** There is no such key or account, or no such plan. */
export const UNKNOWN_IDENTITY: IdentityRejection = { code: 'unknown_credential', retryAfterSeconds: undefined };

/** The descriptor has a misspelled key. */
export const MISNAMED_IDENTITY: IdentityRejection = { code: 'invalid_configuration', retryAfterSeconds: undefined };

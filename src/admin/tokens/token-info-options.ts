import type { AccountRecord } from '../../domain/account-state.ts';
import type { CounterAdmin } from '../../domain/counting/counter-admin.ts';
import type { DescribedKey } from '../../domain/credentials/described-key.ts';
import type { Plan } from '../../domain/limits/plan.ts';
import type { CallLimit } from '../../interfaces/call-limit.ts';
import type { TokenVerificationOptions } from '../callers/verify-presented-token.ts';

/** Dependencies of TokenInfoService. `credentials`, `counters` and `calls` ask the process that decides. */
export interface TokenInfoOptions extends TokenVerificationOptions {
  readonly credentials: CredentialCatalog;
  readonly counters: CounterAdmin;
  readonly calls: CallLimit;
}

/** What TokenInfoService reads from the copy of the catalog that decisions use. */
export interface CredentialCatalog {
  /** Throws `unavailable` if the copy is so old that the key may have been revoked since. */
  findKey(secret: string): Promise<DescribedKey | undefined>;
  findAccount(id: string): Promise<AccountRecord | undefined>;
  findPlan(id: string): Promise<Plan | undefined>;
}

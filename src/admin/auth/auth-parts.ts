import type { Database } from '../../database/open-database.ts';
import type { TextSealer } from '../../identity/secrets/text-sealer.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { Authenticate } from '../callers/caller.ts';
import type { Sessions } from '../sessions/sessions.ts';

/** Callers who may create an account with AuthService/Register. */
export type Registration = 'open' | 'verified' | 'closed';

export type SignInOutcome = 'ok' | 'wrong_credentials' | 'totp_required' | 'totp_invalid' | 'disabled' | 'busy';

/** Parts that the methods of AuthService share. */
export interface AuthParts {
  readonly database: Database;
  readonly authenticate: Authenticate;
  readonly sessions: Sessions;
  readonly registration: Registration;
  readonly accessTokenSeconds: number;
  readonly log: Pick<Logger, 'info' | 'error'>;
  readonly totpSealer: TextSealer;
  /** Encrypts the tokens in events. */
  readonly eventSealer: TextSealer;
  /** Whether all nodes can open what this node seals. */
  readonly isSealingSecretShared: boolean;
  /** Counts a sign-in by its outcome. */
  recordSignIn(outcome: SignInOutcome): void;
  /** Reads the changes of the catalog that this node has not read yet. It never rejects. */
  refresh(): Promise<void>;
}

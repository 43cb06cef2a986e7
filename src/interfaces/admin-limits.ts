import type { CallOutcome } from '../domain/rules/reserved-domains.ts';

/** A call of the admin API, as the rules of the domain `admin` see it. */
export interface LimitedCall {
  /** `Service/Method`, such as `AuthService/Login`. */
  readonly method: string;
  /** IP address of the client. */
  readonly remoteAddress: string;
  /**
   * The account that makes the call, by its id, or that the call names by an e-mail address, by a digest of the address.
   * undefined: there is none.
   */
  readonly account: string | undefined;
  /** The name that the client gives its device; undefined: none. */
  readonly device: string | undefined;
  /** The call has a valid access token. Only rules with the entry `account` limit it. */
  readonly isAuthenticated: boolean;
  /**
   * Somebody has signed in to the account from this network before. Rules that count how the calls of an account end
   * from all networks together do not limit it.
   */
  readonly isKnownNetwork: boolean;
  /**
   * The outcome that is charged before the call begins, so that calls at the same time cannot exceed its limits. Another
   * outcome refunds it. undefined: none.
   */
  readonly assumedOutcome: CallOutcome | undefined;
}

export type CallAdmission =
  | {
      readonly kind: 'admitted';
      /** Proof of what the call and the assumed outcome were charged, for `end`. undefined: nothing was. */
      readonly receipt: object | undefined;
      /** The other outcomes that rules count. `end` has no effect for any other one. */
      readonly counted: readonly CallOutcome[];
    }
  | {
      readonly kind: 'rejected';
      readonly retryAfterSeconds: number;
      /** The call would pass if it came from a known network. */
      readonly isForUnknownNetworks: boolean;
    }
  /** The counters are unavailable, so nothing was decided. */
  | { readonly kind: 'unknown' };

/** A call that was admitted and has ended. */
export interface EndedCall {
  readonly call: LimitedCall;
  readonly outcome: CallOutcome;
  /** The receipt of the admission. */
  readonly receipt: object | undefined;
}

/** Limits calls of the admin API. Arguments and results are plain data, so that they can cross a channel. */
export interface AdminLimits {
  /** Counts a call before it begins. */
  begin(call: LimitedCall): Promise<CallAdmission>;
  /** Counts how a call has ended. */
  end(ended: EndedCall): Promise<void>;
}

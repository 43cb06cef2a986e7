import type { UnverifiedCheck } from '../decide/check/prepare-check.ts';
import type { TokenVerifier } from '../decide/ports.ts';
import type { Verification } from '../domain/tokens/token.ts';
import type { DecisionMethod } from './decision-methods.ts';
import type { DecisionCall } from './traced-call.ts';

/** A Check that waits for the verification of its token's signature. */
export interface UnverifiedCall {
  readonly call: DecisionCall;
  readonly method: DecisionMethod;
  readonly check: UnverifiedCheck;
  /** On the clock of performance.now(). */
  readonly arrivedAt: number;
}

export interface VerifiedCall extends UnverifiedCall {
  readonly verification: Verification;
}

/** Holds calls until their tokens are verified. Calls that become verified in one turn continue as one batch. */
export class UnverifiedCalls {
  readonly #tokens: TokenVerifier;
  readonly #decide: (calls: readonly VerifiedCall[]) => void;
  #verified: VerifiedCall[] = [];

  constructor(tokens: TokenVerifier, decide: (calls: readonly VerifiedCall[]) => void) {
    this.#tokens = tokens;
    this.#decide = decide;
  }

  add(unverified: UnverifiedCall): void {
    const { token, source } = unverified.check;
    // Another call may have had the token verified while the edge was charged.
    const cached = this.#tokens.cached(token, Date.now());
    if (cached !== undefined) this.#continue(unverified, cached);
    else this.#tokens.verify(token, source, (verification) => this.#continue(unverified, verification));
  }

  #continue(unverified: UnverifiedCall, verification: Verification): void {
    if (this.#verified.push({ ...unverified, verification }) > 1) return;
    queueMicrotask(() => {
      const batch = this.#verified;
      this.#verified = [];
      this.#decide(batch);
    });
  }
}

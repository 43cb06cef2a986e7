import type { UnverifiedCheck } from '../decide/check/prepare-check.ts';
import type { TokenVerifier } from '../decide/ports.ts';
import type { Verification } from '../domain/tokens/token.ts';
import type { UnaryCall } from '../transport/unary-call.ts';
import type { DecisionMethod } from './decision-methods.ts';

/** A Check whose token's signature nobody knows yet. */
export interface UnverifiedCall {
  readonly call: UnaryCall;
  readonly method: DecisionMethod;
  readonly check: UnverifiedCheck;
  /** On the clock of performance.now(). */
  readonly arrived: number;
}

export interface VerifiedCall extends UnverifiedCall {
  readonly verification: Verification;
}

/** Holds calls back until their tokens are verified; all that become known together go on as one batch. */
export class UnverifiedCalls {
  readonly #tokens: TokenVerifier;
  readonly #goOn: (calls: readonly VerifiedCall[]) => void;
  #verified: VerifiedCall[] = [];

  constructor(tokens: TokenVerifier, goOn: (calls: readonly VerifiedCall[]) => void) {
    this.#tokens = tokens;
    this.#goOn = goOn;
  }

  hold(held: UnverifiedCall): void {
    const { token, source } = held.check;
    this.#tokens.verify(token, source, (verification) => {
      if (this.#verified.push({ ...held, verification }) > 1) return;
      queueMicrotask(() => {
        const batch = this.#verified;
        this.#verified = [];
        this.#goOn(batch);
      });
    });
  }
}

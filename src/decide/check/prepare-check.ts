import type { DenialCode } from '../../domain/denial.ts';
import { combinedRetryAfterSeconds, type LimitStatus } from '../../domain/limits/limit-status.ts';
import type { RuleBook } from '../../domain/rules/rule-book.ts';
import type { Verification } from '../../domain/tokens/token.ts';
import { limitStatuses, type NamedCharge } from '../named-charge.ts';
import { type DecisionResult, StoreUnavailable } from '../ports.ts';
import type { PreparedDecision, ShadowDecision } from '../prepared-decision.ts';
import { type AuthContext, authenticate, type ProvenIdentity, type ResolvedIdentity } from './authenticate.ts';
import type { CheckQuestion } from './check-question.ts';
import type { CheckVerdict } from './check-verdict.ts';
import { NO_CHARGES } from './credential-charges.ts';
import { chargesAtEdge } from './edge-domain.ts';
import { hasBearerKey } from './presented-credential.ts';

/** Everything that prepares a Check. All of it is in memory. */
export interface CheckContext extends AuthContext {
  /** A reload of the rules replaces the book. */
  readonly rules: { readonly book: RuleBook };
}

/**
 * Prepares a Check: authenticates the request, and collects its charges. `now` is Unix time in ms.
 *
 * The limits of the domain `edge` come first. A request that is denied is charged them, too, and one that exceeds them
 * learns nothing else.
 */
export function prepareCheck(
  question: CheckQuestion,
  context: CheckContext,
  now: number,
): PreparedCheck | PendingCheck {
  const identity = authenticate(question, context, now, undefined);
  if (identity.kind === 'unverified') return new PendingCheck(question, context, identity.token);
  return createPreparedCheck(question, context, identity);
}

/** A Check that waits until the signature of its token is verified. */
export class PendingCheck {
  readonly token: string;
  readonly #question: CheckQuestion;
  readonly #context: CheckContext;

  constructor(question: CheckQuestion, context: CheckContext, token: string) {
    this.token = token;
    this.#question = question;
    this.#context = context;
  }

  /** IP address of the client; empty if it is unknown. */
  get source(): string {
    return this.#question.sourceAddress ?? '';
  }

  /** Prepares the Check from the start, because everything else may have changed. `now` is Unix time in ms. */
  resume(verification: Verification, now: number): PreparedCheck {
    const identity = authenticate(this.#question, this.#context, now, verification);
    if (identity.kind === 'unverified') throw new Error('a verified token was taken for an unverified one');
    return createPreparedCheck(this.#question, this.#context, identity);
  }
}

function createPreparedCheck(
  question: CheckQuestion,
  { rules }: CheckContext,
  identity: ResolvedIdentity,
): PreparedCheck {
  const identityCharges = identity.kind === 'authenticated' ? identity.charges : NO_CHARGES;
  const { charges: edgeCharges, shadows } = chargesAtEdge(question, rules.book);
  const charges = edgeCharges.length === 0 ? identityCharges : [...edgeCharges, ...identityCharges];
  return new PreparedCheck(question, identity, charges, shadows);
}

/** A Check whose identity is known. */
export class PreparedCheck implements PreparedDecision<CheckVerdict> {
  readonly charges: readonly NamedCharge[];
  readonly shadows: readonly ShadowDecision[] | undefined;
  readonly identity: ResolvedIdentity;
  readonly #question: CheckQuestion;

  constructor(
    question: CheckQuestion,
    identity: ResolvedIdentity,
    charges: readonly NamedCharge[],
    shadows: readonly ShadowDecision[] | undefined,
  ) {
    this.charges = charges;
    this.shadows = shadows;
    this.identity = identity;
    this.#question = question;
  }

  conclude(result: DecisionResult | undefined): CheckVerdict {
    const question = this.#question;
    const { identity } = this;
    if (result instanceof StoreUnavailable) return deny(question, identity, 'store_unavailable', 'catalog', []);
    const limits = result === undefined ? [] : limitStatuses(this.charges, result);
    const source = result?.source ?? 'catalog';
    if (result !== undefined && !result.granted) return deny(question, identity, rejectionCode(limits), source, limits);
    if (identity.kind === 'denied') {
      const { code, fault, proven } = identity;
      return {
        kind: 'denied',
        question,
        code,
        fault,
        proven,
        limits: [],
        retryAfterSeconds: undefined,
        source: 'catalog',
      };
    }
    if (identity.kind === 'anonymous') return { kind: 'anonymous', question, limits, source };
    const { credential, keyId, planId, header: credentialHeader } = identity;
    const removesAuthorization = credentialHeader !== 'authorization' && hasBearerKey(question);
    return {
      kind: 'allowed',
      question,
      credential,
      keyId,
      planId,
      credentialHeader,
      removesAuthorization,
      limits,
      source,
    };
  }
}

/** Calendar limits are quotas, used up until their period ends. All others are rates. */
function rejectionCode(limits: readonly LimitStatus[]): DenialCode {
  const exceeded = limits.filter((status) => status.exceeded);
  return exceeded.some(({ limit }) => limit.algorithm === 'calendar') ? 'quota_exceeded' : 'rate_limited';
}

/** Denies a request for the state of its limits, not for its credential, which may be good or bad. */
function deny(
  question: CheckQuestion,
  identity: ResolvedIdentity,
  code: DenialCode,
  source: CheckVerdict['source'],
  limits: readonly LimitStatus[],
): CheckVerdict {
  const proven = provenIdentity(identity);
  const retryAfterSeconds = combinedRetryAfterSeconds(limits);
  return { kind: 'denied', question, code, fault: undefined, proven, limits, retryAfterSeconds, source };
}

function provenIdentity(identity: ResolvedIdentity): ProvenIdentity | undefined {
  if (identity.kind === 'anonymous') return undefined;
  return identity.kind === 'authenticated' ? identity : identity.proven;
}

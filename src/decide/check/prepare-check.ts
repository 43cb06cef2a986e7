import type { DenialCode } from '../../domain/denial.ts';
import { type LimitName, type LimitStatus, combinedRetryAfterSeconds } from '../../domain/limit-status.ts';
import type { RuleBook } from '../../domain/rules/rule-book.ts';
import type { Verification } from '../../domain/tokens/token.ts';
import type { PreparedDecision, ShadowDecision } from '../decide-batch.ts';
import { type Charge, type DecisionResult, type Outcome, type Source, StoreUnavailable } from '../ports.ts';
import { limitStatus } from '../named-charge.ts';
import { type AuthContext, authenticate, type Identity } from './authenticate.ts';
import type { CheckQuestion, CheckVerdict } from './check.ts';
import { hasBearerKey } from './credential.ts';
import { type Cost, NOTHING } from './credential-charges.ts';
import { edgeCost } from './edge-domain.ts';

type DecidedIdentity = Exclude<Identity, { kind: 'unverified' }>;

/** What a Check is thought through by; all of it is memory. */
export interface CheckContext extends AuthContext {
  /** Its book is another one after a reload. */
  readonly rules: { readonly book: RuleBook };
}

/**
 * Thinks one Check through: who it is, whether they may come in at all, and what that charges. What the edge charges
 * comes before who it is: also who may not come in is charged that, and who is over it learns nothing else. `now` is
 * Unix time in ms.
 */
export function prepareCheck(
  question: CheckQuestion,
  knowledge: CheckContext,
  now: number,
): PreparedDecision<CheckVerdict> | UnverifiedCheck {
  const identity = authenticate(question, knowledge, now, undefined);
  if (identity.kind === 'unverified') return new UnverifiedCheck(question, knowledge, identity.token);
  return considered(question, knowledge, identity);
}

/** A Check that has to wait until its token's signature is verified. */
export class UnverifiedCheck {
  readonly token: string;
  readonly #question: CheckQuestion;
  readonly #knowledge: CheckContext;

  constructor(question: CheckQuestion, knowledge: CheckContext, token: string) {
    this.token = token;
    this.#question = question;
    this.#knowledge = knowledge;
  }

  /** Who sent it, as far as that is known. */
  get source(): string {
    return this.#question.sourceAddress ?? '';
  }

  /** Thinks it through anew: everything else may have changed meanwhile. */
  verified(verification: Verification, now: number): PreparedDecision<CheckVerdict> {
    const identity = authenticate(this.#question, this.#knowledge, now, verification);
    if (identity.kind === 'unverified') throw new Error('a token was verified and is said not to be');
    return considered(this.#question, this.#knowledge, identity);
  }
}

function considered(
  question: CheckQuestion,
  { rules }: CheckContext,
  identity: DecidedIdentity,
): PreparedDecision<CheckVerdict> {
  const ofIdentity = identity.kind === 'known' ? identity.cost : NOTHING;
  const atEdge = edgeCost(question, rules.book);
  const cost = atEdge.charges.length === 0 ? ofIdentity : sum(atEdge, ofIdentity);
  return new ConsideredCheck(question, identity, cost, atEdge.shadows);
}

function sum(one: Cost, other: Cost): Cost {
  return { charges: [...one.charges, ...other.charges], names: [...one.names, ...other.names] };
}

class ConsideredCheck implements PreparedDecision<CheckVerdict> {
  readonly charges: readonly Charge[];
  readonly names: readonly LimitName[];
  readonly shadows: readonly ShadowDecision[] | undefined;
  readonly #question: CheckQuestion;
  readonly #identity: DecidedIdentity;

  constructor(
    question: CheckQuestion,
    identity: DecidedIdentity,
    { charges, names }: Cost,
    shadows: readonly ShadowDecision[] | undefined,
  ) {
    this.shadows = shadows;
    this.charges = charges;
    this.names = names;
    this.#question = question;
    this.#identity = identity;
  }

  conclude(outcome: DecisionResult | undefined): CheckVerdict {
    const question = this.#question;
    const identity = this.#identity;
    if (outcome instanceof StoreUnavailable) return denied(question, 'store_unavailable', 'catalog');
    const limits = outcome === undefined ? [] : this.#statuses(outcome);
    const source = outcome?.source ?? 'catalog';
    if (outcome !== undefined && !outcome.granted) return denied(question, refusalCode(limits), source, limits);
    if (identity.kind === 'denied') return denied(question, identity.code, 'catalog');
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

  #statuses(outcome: Outcome): LimitStatus[] {
    const statuses: LimitStatus[] = [];
    for (let index = 0; index < this.charges.length; index++) {
      const charge = this.charges[index];
      const charged = outcome.charges[index];
      const name = this.names[index];
      if (charge === undefined || charged === undefined || name === undefined) continue;
      statuses.push(limitStatus(name, charge, charged));
    }
    return statuses;
  }
}

/** A quota counts by the calendar and is used up until its period ends; everything else is a rate. */
function refusalCode(limits: readonly LimitStatus[]): DenialCode {
  const exceeded = limits.filter((status) => status.exceeded);
  return exceeded.some(({ limit }) => limit.algorithm === 'calendar') ? 'quota_exceeded' : 'rate_limited';
}

function denied(
  question: CheckQuestion,
  code: DenialCode,
  source: Source | 'catalog',
  limits: readonly LimitStatus[] = [],
): CheckVerdict {
  return { kind: 'denied', question, code, limits, retryAfterSeconds: combinedRetryAfterSeconds(limits), source };
}

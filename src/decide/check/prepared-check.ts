import type { DenialCode } from '../../domain/denial.ts';
import { combinedRetryAfterSeconds, type LimitStatus } from '../../domain/limits/limit-status.ts';
import { limitStatuses, type NamedCharge } from '../named-charge.ts';
import { type Decision, type DecisionResult, type DeviceUse, type Receipt, StoreUnavailable } from '../ports.ts';
import type { PreparedDecision, ShadowDecision } from '../prepared-decision.ts';
import { rejectionCode } from '../rejection-code.ts';
import type { ProvenIdentity, ResolvedIdentity } from './authenticate.ts';
import type { CheckCharges } from './check-charges.ts';
import type { CheckQuestion } from './check-question.ts';
import type { CheckVerdict } from './check-verdict.ts';
import { hasBearerKey } from './find-credential.ts';

/** Grant of the domain `edge` to a Check whose token was not verified yet. */
export interface EdgeGrant {
  readonly limits: readonly LimitStatus[];
  readonly source: CheckVerdict['source'];
  readonly receipt: Receipt;
}

/** An identity, and the device of its request. */
export interface IdentityOnDevice {
  readonly identity: ResolvedIdentity;
  /** undefined: the request names none, or devices are not looked up. */
  readonly device: DeviceUse | undefined;
}

/** The work that a Check leaves to do once it is answered. */
export type CheckFollowUps = Pick<PreparedDecision<CheckVerdict>, 'shadows' | 'penalties'>;

/** A Check whose identity is known. */
export class PreparedCheck implements PreparedDecision<CheckVerdict> {
  readonly charges: readonly NamedCharge[];
  readonly unenforcedRules: readonly string[] | undefined;
  readonly shadows: readonly ShadowDecision[] | undefined;
  readonly penalties: readonly Decision[] | undefined;
  readonly identity: ResolvedIdentity;
  readonly device: DeviceUse | undefined;
  readonly #question: CheckQuestion;
  readonly #edge: EdgeGrant | undefined;

  /** `edge`: granted before; undefined: the charges of the domain `edge` are among `charges`. */
  constructor(
    question: CheckQuestion,
    { identity, device }: IdentityOnDevice,
    { charges, unenforcedRules }: CheckCharges,
    { shadows, penalties }: CheckFollowUps,
    edge: EdgeGrant | undefined,
  ) {
    this.charges = charges;
    this.unenforcedRules = unenforcedRules;
    this.shadows = shadows;
    this.penalties = penalties;
    this.identity = identity;
    this.device = device;
    this.#question = question;
    this.#edge = edge;
  }

  /** A request that its plan rejects is not charged at the edge. One with a bad credential is. */
  get earlierGrant(): Receipt | undefined {
    return this.identity.kind === 'authenticated' ? this.#edge?.receipt : undefined;
  }

  conclude(result: DecisionResult | undefined): CheckVerdict {
    const question = this.#question;
    const { identity } = this;
    const edge = this.#edge;
    if (result instanceof StoreUnavailable) return denyUndecided(question, provenIdentity(identity));
    const ownLimits = result === undefined ? [] : limitStatuses(this.charges, result);
    const limits = edge === undefined ? ownLimits : [...edge.limits, ...ownLimits];
    const source = result?.source ?? edge?.source ?? 'catalog';
    if (result !== undefined && !result.granted)
      return denyByLimits(question, provenIdentity(identity), source, limits);
    if (identity.kind === 'denied') {
      const { code, fault, proven, retryAfterSeconds } = identity;
      return { kind: 'denied', question, code, fault, proven, limits: [], retryAfterSeconds, source: 'catalog' };
    }
    if (identity.kind === 'anonymous') return { kind: 'anonymous', question, limits, source };
    const { credential, keyId, planId, plan, header: credentialHeader } = identity;
    const removesAuthorization = credentialHeader !== 'authorization' && hasBearerKey(question);
    return {
      kind: 'allowed',
      question,
      credential,
      keyId,
      planId,
      credentialHeader,
      removesAuthorization,
      plan,
      limits,
      source,
    };
  }
}

/** Denies a request that exceeds limits. */
export function denyByLimits(
  question: CheckQuestion,
  proven: ProvenIdentity | undefined,
  source: CheckVerdict['source'],
  limits: readonly LimitStatus[],
): CheckVerdict {
  return deny(question, proven, rejectionCode(limits), source, limits);
}

/** Denies a request because the store cannot say whether its limits allow it. */
export function denyUndecided(question: CheckQuestion, proven: ProvenIdentity | undefined): CheckVerdict {
  return deny(question, proven, 'store_unavailable', 'catalog', []);
}

/** Denies a request for the state of its limits, not for its credential, which may be good or bad. */
function deny(
  question: CheckQuestion,
  proven: ProvenIdentity | undefined,
  code: DenialCode,
  source: CheckVerdict['source'],
  limits: readonly LimitStatus[],
): CheckVerdict {
  const retryAfterSeconds = combinedRetryAfterSeconds(limits);
  return { kind: 'denied', question, code, fault: undefined, proven, limits, retryAfterSeconds, source };
}

/** The owner of the credential. undefined: unknown. */
export function provenIdentity(identity: ResolvedIdentity): ProvenIdentity | undefined {
  if (identity.kind === 'anonymous') return undefined;
  return identity.kind === 'authenticated' ? identity : identity.proven;
}

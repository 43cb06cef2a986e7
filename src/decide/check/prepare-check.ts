import { DENIALS } from '../../domain/denial.ts';
import type { RuleBook } from '../../domain/rules/rule-book.ts';
import type { Verification } from '../../domain/tokens/token.ts';
import { limitStatuses, type NamedCharge } from '../named-charge.ts';
import { type DecisionResult, type DeviceRegistry, StoreUnavailable } from '../ports.ts';
import type { PreparedDecision, ShadowDecision } from '../prepared-decision.ts';
import { createReceipt, isRefundedIfRejected } from '../receipts/receipt.ts';
import { type AuthContext, authenticate, type ResolvedIdentity } from './authenticate.ts';
import { addCharges, type CheckCharges, NO_CHECK_CHARGES } from './check-charges.ts';
import { checkDevice } from './check-device.ts';
import type { CheckQuestion } from './check-question.ts';
import type { CheckVerdict } from './check-verdict.ts';
import { chargesAtEdge, chargesOfRefusal } from './edge-domain.ts';
import {
  type CheckFollowUps,
  denyByLimits,
  denyUndecided,
  type EdgeGrant,
  type IdentityOnDevice,
  PreparedCheck,
} from './prepared-check.ts';

/** Everything that prepares a Check. All of it is in memory. */
export interface CheckContext extends AuthContext {
  /** A reload of the rules replaces the book. */
  readonly rules: { readonly book: RuleBook };
  /** undefined: devices are not looked up. */
  readonly devices?: DeviceRegistry | undefined;
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
  const onDevice = checkDevice(identity, question, context.catalog, context.devices);
  return createPreparedCheck(question, onDevice, context.rules.book);
}

/**
 * A Check with a token whose signature is not verified. Its decision charges the domain `edge` alone, so that a sender
 * who exceeds a limit there makes nobody verify anything. If the domain grants the request, the decision concludes with
 * an UnverifiedCheck.
 */
export class PendingCheck implements PreparedDecision<CheckVerdict | UnverifiedCheck> {
  readonly token: string;
  readonly charges: readonly NamedCharge[];
  readonly unenforcedRules: readonly string[] | undefined;
  readonly shadows: readonly ShadowDecision[] | undefined;
  readonly #question: CheckQuestion;
  readonly #context: CheckContext;

  constructor(question: CheckQuestion, context: CheckContext, token: string) {
    const { charges, unenforcedRules, shadows } = chargesAtEdge(question, context.rules.book);
    this.token = token;
    this.charges = charges;
    // Without charges, `resume` collects those of the edge again.
    this.unenforcedRules = charges.length === 0 ? undefined : unenforcedRules;
    this.shadows = shadows;
    this.#question = question;
    this.#context = context;
  }

  /** IP address of the client; empty if it is unknown. */
  get source(): string {
    return this.#question.sourceAddress ?? '';
  }

  conclude(result: DecisionResult | undefined): CheckVerdict | UnverifiedCheck {
    if (result === undefined) return new UnverifiedCheck(this, undefined);
    if (result instanceof StoreUnavailable) return denyUndecided(this.#question, undefined);
    const limits = limitStatuses(this.charges, result);
    if (!result.granted) return denyByLimits(this.#question, undefined, result.source, limits);
    const receipt = createReceipt(undefined, this.charges, result, isRefundedIfRejected);
    return new UnverifiedCheck(this, { limits, source: result.source, receipt });
  }

  /**
   * Prepares the rest of the Check from the start, because everything else may have changed. `edge` is what the domain
   * `edge` has granted; undefined: it has not been asked. `now` is Unix time in ms.
   */
  resume(verification: Verification, now: number, edge: EdgeGrant | undefined): PreparedCheck {
    const question = this.#question;
    const identity = authenticate(question, this.#context, now, verification);
    if (identity.kind === 'unverified') throw new Error('a verified token was taken for an unverified one');
    const { catalog, devices, rules } = this.#context;
    const onDevice = checkDevice(identity, question, catalog, devices);
    if (edge === undefined) return createPreparedCheck(question, onDevice, rules.book);
    const followUps = prepareFollowUps(question, onDevice.identity, rules.book, []);
    return new PreparedCheck(question, onDevice, identityCharges(onDevice.identity), followUps, edge);
  }
}

/** A Check that nothing keeps from verifying its token. */
export class UnverifiedCheck {
  readonly token: string;
  /** IP address of the client; empty if it is unknown. */
  readonly source: string;
  /** undefined: no rule of the domain `edge` applies. */
  readonly edge: EdgeGrant | undefined;
  readonly #pending: PendingCheck;

  constructor(pending: PendingCheck, edge: EdgeGrant | undefined) {
    this.token = pending.token;
    this.source = pending.source;
    this.edge = edge;
    this.#pending = pending;
  }

  /** Prepares the rest of the Check. `now` is Unix time in ms. */
  resume(verification: Verification, now: number): PreparedCheck {
    return this.#pending.resume(verification, now, this.edge);
  }
}

function createPreparedCheck(question: CheckQuestion, onDevice: IdentityOnDevice, book: RuleBook): PreparedCheck {
  const edgeCharges = chargesAtEdge(question, book);
  const charges = addCharges(edgeCharges, identityCharges(onDevice.identity));
  const followUps = prepareFollowUps(question, onDevice.identity, book, edgeCharges.shadows ?? []);
  return new PreparedCheck(question, onDevice, charges, followUps, undefined);
}

/** Adds the penalty of a refused request to the shadows of the domain `edge`. */
function prepareFollowUps(
  question: CheckQuestion,
  identity: ResolvedIdentity,
  book: RuleBook,
  edgeShadows: readonly ShadowDecision[],
): CheckFollowUps {
  const refusal =
    identity.kind === 'denied' ? chargesOfRefusal(question, book, DENIALS[identity.code].status) : undefined;
  const shadows = [...edgeShadows, ...(refusal?.shadows ?? [])];
  return {
    shadows: shadows.length === 0 ? undefined : shadows,
    // Each by itself: a limit that is exceeded must not keep the others from counting.
    penalties: refusal?.charges.map((charge) => ({ charges: [charge] })),
  };
}

function identityCharges(identity: ResolvedIdentity): CheckCharges {
  return identity.kind === 'authenticated' ? identity.charges : NO_CHECK_CHARGES;
}

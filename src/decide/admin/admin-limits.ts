import { elementAt } from '../../collections/element-at.ts';
import { ceilToSeconds } from '../../domain/limits/limit-status.ts';
import { ADMIN_DOMAIN, CALL_OUTCOMES, type CallOutcome } from '../../domain/rules/reserved-domains.ts';
import type { RuleBook, RuleNode } from '../../domain/rules/rule-book.ts';
import type { AdminLimits, CallAdmission, LimitedCall } from '../../interfaces/admin-limits.ts';
import {
  addressEntry,
  type CombinationMatch,
  type MatchedEntry,
  matchCombinations,
  replacedLimits,
} from '../match-combinations.ts';
import {
  type Charge,
  type CounterStore,
  type Decision,
  type Outcome,
  type Receipt,
  StoreUnavailable,
} from '../ports.ts';
import { createReceipt } from '../receipts/receipt.ts';
import { checkResults } from '../store-answers.ts';

type Store = Pick<CounterStore, 'decide' | 'refund'>;

/** A charge of a call, and what its rule is about. */
interface CallCharge extends Charge {
  /** The outcome that the rule counts. undefined: it counts calls. */
  readonly outcome: CallOutcome | undefined;
  /** The rule limits an account over all networks. */
  readonly isForUnknownNetworks: boolean;
}

const ADMITTED: CallAdmission = { kind: 'admitted', receipt: undefined, counted: [] };

/** What `begin` has charged, for `end`. */
interface ChargedCall {
  /** By the rules that count calls. undefined: nothing. */
  readonly calls: Receipt | undefined;
  /** By those that count the assumed outcome. undefined: nothing. */
  readonly assumed: Receipt | undefined;
}

/**
 * Limits the calls of the admin API by the rules of the domain `admin`. Rules without the entry `outcome` count calls
 * before they begin, except those with an invalid request: a few typos must keep nobody away for long. Rules with the
 * entry count calls that have ended with this outcome, and reject further calls once their limit is used up.
 */
export function createAdminLimits(store: Store, rules: { readonly book: RuleBook }): AdminLimits {
  return {
    async begin(call) {
      const root = rules.book.get(ADMIN_DOMAIN);
      const matched = root === undefined ? [] : chargesForCall(root, call);
      if (matched.length === 0) return ADMITTED;
      const charges = withoutRepeatedPeeks(matched);
      const outcome = await decideOne(store, { charges });
      if (outcome === undefined) return { kind: 'unknown' };
      if (!outcome.granted) return rejectByCharges(charges, outcome);
      const usedUp = charges.filter(
        ({ hits }, index) => hits === 0 && elementAt(outcome.charges, index).remaining === 0,
      );
      if (usedUp.length === 0)
        return { kind: 'admitted', receipt: createReceipts(charges, outcome), counted: peekedOutcomes(matched) };
      await store.refund([createReceipt(undefined, charges, outcome)]);
      return rejectUsedUp(store, usedUp);
    },

    async end({ call, outcome, receipt }) {
      if (outcome === call.assumedOutcome) return;
      // `begin` has made the receipt. It is opaque to all who pass it on.
      const charged = receipt as ChargedCall | undefined;
      const refunded = [charged?.assumed, outcome === 'invalid_request' ? charged?.calls : undefined];
      const receipts = refunded.filter((each) => each !== undefined);
      if (receipts.length > 0) await store.refund(receipts);
      const root = rules.book.get(ADMIN_DOMAIN);
      const charges = root === undefined ? [] : chargesForOutcome(root, call, outcome, 1);
      // One decision each, because a limit that is used up must not keep the others from counting.
      if (charges.length > 0)
        await store.decide(
          charges.map((charge) => ({ charges: [charge] })),
          undefined,
        );
    },
  };
}

async function decideOne(store: Store, decision: Decision): Promise<Outcome | undefined> {
  const result = elementAt(checkResults([decision], await store.decide([decision], undefined)), 0);
  return result instanceof StoreUnavailable ? undefined : result;
}

/** The calls, the assumed outcome as if it had happened, and a peek at all other outcomes. */
function chargesForCall(root: RuleNode, call: LimitedCall): readonly CallCharge[] {
  const matches = matchCall(root, call, undefined);
  const charges = toCharges(matches, 1, undefined);
  for (const outcome of CALL_OUTCOMES) {
    charges.push(...chargesForOutcome(root, call, outcome, outcome === call.assumedOutcome ? 1 : 0));
  }
  return charges;
}

function chargesForOutcome(root: RuleNode, call: LimitedCall, outcome: CallOutcome, hits: number): CallCharge[] {
  const matches = matchCall(root, call, outcome).filter(({ keys }) => keys.includes('outcome'));
  // Somebody who mistyped a password too often can still reset it, or use a token that they have.
  const isWithoutPassword = outcome === 'wrong_password' && call.assumedOutcome !== outcome;
  const applicable = isWithoutPassword ? matches.filter(({ keys }) => !keys.includes('account')) : matches;
  return toCharges(applicable, hits, outcome);
}

/** Finds the rules that match a call, and, unless it is undefined, its outcome. */
function matchCall(root: RuleNode, call: LimitedCall, outcome: CallOutcome | undefined): readonly CombinationMatch[] {
  const matches = matchCombinations(ADMIN_DOMAIN, root, listEntries(call, outcome));
  // Strangers could otherwise use up the limits of those who have signed in.
  const applicable = call.isAuthenticated ? matches.filter(({ keys }) => keys.includes('account')) : matches;
  return call.isKnownNetwork ? applicable.filter((match) => !isForUnknownNetworks(match)) : applicable;
}

function listEntries(
  { method, remoteAddress, account, device }: LimitedCall,
  outcome: CallOutcome | undefined,
): readonly MatchedEntry[] {
  const named = { method, account, device, outcome };
  const entries = Object.entries(named).flatMap(([key, value]) => {
    return value === undefined ? [] : [{ key, value, countedAs: undefined }];
  });
  return [addressEntry(remoteAddress), ...entries];
}

/** Whether a rule counts how the calls of an account end, from whatever network they come. */
function isForUnknownNetworks({ keys }: CombinationMatch): boolean {
  return keys.includes('account') && keys.includes('outcome') && !keys.includes('remote_address');
}

function toCharges(matches: readonly CombinationMatch[], hits: number, outcome: CallOutcome | undefined): CallCharge[] {
  const replaced = replacedLimits(matches);
  return matches.flatMap((match) => {
    const { rule, subject } = match;
    return rule.limits.flatMap((limit) => {
      if (limit.algorithm === 'unlimited' || replaced.has(limit.name)) return [];
      return [{ subject, limit, hits, outcome, isForUnknownNetworks: isForUnknownNetworks(match) }];
    });
  });
}

/** Several outcomes may share one counter. A peek after a charge would see it as one more call left it. */
function withoutRepeatedPeeks(charges: readonly CallCharge[]): readonly CallCharge[] {
  return charges.filter(({ subject, limit, hits }, index) => {
    if (hits > 0) return true;
    const same = charges.filter((other) => other.subject === subject && other.limit.identity === limit.identity);
    return same.every((other) => other.hits === 0) && same[0] === charges[index];
  });
}

function peekedOutcomes(charges: readonly CallCharge[]): readonly CallOutcome[] {
  const peeked = charges.flatMap(({ outcome, hits }) => (outcome !== undefined && hits === 0 ? [outcome] : []));
  return [...new Set(peeked)];
}

/** undefined: nothing was charged. */
function createReceipts(charges: readonly CallCharge[], result: Outcome): ChargedCall | undefined {
  const calls = createReceiptFor(charges, result, ({ outcome }) => outcome === undefined);
  const assumed = createReceiptFor(charges, result, ({ outcome }) => outcome !== undefined);
  return calls === undefined && assumed === undefined ? undefined : { calls, assumed };
}

/** The receipt of the charges that `isIncluded` accepts. undefined: none of them has hits. */
function createReceiptFor(
  charges: readonly CallCharge[],
  { charges: outcomes, ...result }: Outcome,
  isIncluded: (charge: CallCharge) => boolean,
): Receipt | undefined {
  const indexes = [...charges.keys()].filter((index) => {
    const charge = elementAt(charges, index);
    return charge.hits > 0 && isIncluded(charge);
  });
  if (indexes.length === 0) return undefined;
  const included = indexes.map((index) => elementAt(charges, index));
  return createReceipt(undefined, included, { ...result, charges: indexes.map((index) => elementAt(outcomes, index)) });
}

function rejectByCharges(charges: readonly CallCharge[], { charges: outcomes }: Outcome): CallAdmission {
  const exceeded = charges.filter((_, index) => elementAt(outcomes, index).exceeded);
  const waits = outcomes.map(({ retryAfter = 0 }) => retryAfter);
  return reject(exceeded, Math.max(0, ...waits));
}

/** Charges the limits that are used up once more. That is rejected, which says when to retry and starts their blocks. */
async function rejectUsedUp(store: Store, usedUp: readonly CallCharge[]): Promise<CallAdmission> {
  const decisions = usedUp.map((charge) => ({ charges: [{ ...charge, hits: 1 }] }));
  const results = checkResults(decisions, await store.decide(decisions, undefined));
  const waits = results.flatMap((result) =>
    result instanceof StoreUnavailable ? [] : result.charges.map(({ retryAfter = 0 }) => retryAfter),
  );
  return reject(usedUp, Math.max(0, ...waits));
}

function reject(exceeded: readonly CallCharge[], waitMicros: number): CallAdmission {
  return {
    kind: 'rejected',
    retryAfterSeconds: Math.max(1, ceilToSeconds(waitMicros)),
    isForUnknownNetworks: exceeded.every((charge) => charge.isForUnknownNetworks),
  };
}

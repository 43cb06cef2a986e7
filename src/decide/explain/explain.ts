import { elementAt } from '../../collections/element-at.ts';
import type { AdminCounter, CounterAccess, CounterSelector } from '../../domain/counting/counter-admin.ts';
import { formatDescriptorSubject } from '../../domain/counting/counter-subject.ts';
import type { Descriptor } from '../../domain/descriptor.ts';
import type { ExplainedDescriptor, ExplainedLimit, LimitUse } from '../../domain/explanation.ts';
import type { Limit } from '../../domain/limits/limit.ts';
import { limitCapacity } from '../../domain/limits/limit-status.ts';
import { explainMatch } from '../../domain/rules/explain-match.ts';
import { matchRule } from '../../domain/rules/match-rule.ts';
import { EDGE_DOMAIN, PLANS_DOMAIN } from '../../domain/rules/reserved-domains.ts';
import { countedEntries, type Rule, ruleLimitName } from '../../domain/rules/rule.ts';
import type { RuleBook } from '../../domain/rules/rule-book.ts';
import type { Verification } from '../../domain/tokens/token.ts';
import type { ResolvedIdentity } from '../check/authenticate.ts';
import type { CheckQuestion } from '../check/check-question.ts';
import type { CheckVerdict } from '../check/check-verdict.ts';
import type { UnknownSettings } from '../check/configuration-fault.ts';
import { edgeEntries } from '../check/edge-domain.ts';
import { type CheckContext, PendingCheck, prepareCheck } from '../check/prepare-check.ts';
import type { PreparedCheck } from '../check/prepared-check.ts';
import { type Catalog, StoreUnavailable } from '../ports.ts';
import type { PreparedDecision } from '../prepared-decision.ts';
import {
  isPlanIdentity,
  isRedemption,
  prepareRateLimit,
  type RateLimitQuestion,
  resourceId,
} from '../rate-limit/prepare-rate-limit.ts';
import { RejectedByCatalog } from '../rate-limit/prepared-rate-limit.ts';
import type { RateLimitVerdict } from '../rate-limit/rate-limit-verdict.ts';
import type { ReceiptKeys } from '../receipts/receipt-keys.ts';
import { simulateOutcome, wouldExceed } from './simulate.ts';

export interface ExplainContext {
  readonly rules: { readonly book: RuleBook };
  readonly catalog: Catalog;
  readonly counters: CounterAccess;
  readonly requests?: { readonly unknownExtensions?: UnknownSettings | undefined };
}

/** The verdict that a question would get now, and the reasons for it. */
export interface ExplainedVerdict<Verdict> {
  readonly verdict: Verdict;
  readonly descriptors: readonly ExplainedDescriptor[];
  readonly limits: readonly ExplainedLimit[];
}

/** A limit that a question matches. */
interface MatchedLimit {
  readonly label: string;
  readonly limit: Limit;
  readonly use: LimitUse;
  readonly hits: number;
  /** Subject of its counter. undefined: it is not counted. */
  readonly subject: string | undefined;
  /** An edit of its plan or key, or another plan, has superseded the limit. It is only reported if it rejects. */
  readonly isSuperseded?: true | undefined;
}

/** Explains the decision on a ShouldRateLimit request. Nothing is charged. `now` is Unix time in ms. */
export async function explainRateLimit(
  question: RateLimitQuestion,
  { rules: { book }, catalog, counters, requests }: ExplainContext,
  now: number,
): Promise<ExplainedVerdict<RateLimitVerdict>> {
  const { domain } = question;
  const prepared = prepareRateLimit(question, book, catalog, now, { unknownSettings: requests?.unknownExtensions });
  const planUse = prepared instanceof RejectedByCatalog ? 'not_allowed' : 'other_route';
  const matched = question.descriptors.flatMap((descriptor) =>
    isCountedByPlans(domain, descriptor)
      ? matchPlanLimits(descriptor, counters, planUse)
      : matchRuleLimits(domain, descriptor, book, catalog),
  );
  const byRules = question.descriptors.filter(
    (descriptor) => !isRedemption(descriptor, catalog) && !isCountedByPlans(domain, descriptor),
  );
  const descriptors = byRules.map(({ entries }) => ({ domain, entries, match: explainMatch(book, domain, entries) }));
  return explainDecision(prepared, matched, descriptors, counters);
}

/** Explains the decision on a Check. Nothing is charged. `now` is Unix time in ms. */
export async function explainCheck(
  question: CheckQuestion,
  context: CheckContext & ExplainContext,
  now: number,
): Promise<ExplainedVerdict<CheckVerdict> & { readonly identity: ResolvedIdentity }> {
  const { counters } = context;
  const { book } = context.rules;
  const prepared = await prepareVerified(question, context, now);
  const { identity } = prepared;
  const keyId = identity.kind === 'authenticated' ? identity.keyId : undefined;
  const keyCounters = keyId === undefined ? [] : findCurrent(counters, { kind: 'api_key', id: keyId });
  const use = question.rateLimitOff ? 'rate_limit_off' : 'other_route';
  const matched = keyCounters.map((counter) => matchedCounter(counter, use));
  const entries = book.has(EDGE_DOMAIN) ? edgeEntries(question) : [];
  const descriptors = entries.map((entry) => {
    return { domain: EDGE_DOMAIN, entries: [entry], match: explainMatch(book, EDGE_DOMAIN, [entry]) };
  });
  return { ...(await explainDecision(prepared, matched, descriptors, counters)), identity };
}

async function prepareVerified(question: CheckQuestion, context: CheckContext, now: number): Promise<PreparedCheck> {
  const prepared = prepareCheck(question, context, now);
  if (!(prepared instanceof PendingCheck)) return prepared;
  const { token, source } = prepared;
  const verification = await new Promise<Verification>((resolve) => context.tokens.verify(token, source, resolve));
  return prepared.resume(verification, now, undefined);
}

/** `matched` may contain limits that the decision charges. */
async function explainDecision<Verdict>(
  prepared: PreparedDecision<Verdict>,
  matched: readonly MatchedLimit[],
  descriptors: readonly ExplainedDescriptor[],
  counters: CounterAccess,
): Promise<ExplainedVerdict<Verdict>> {
  const charged = chargedLimits(prepared);
  const all = [...charged, ...withoutCharged(matched, charged)];
  const snapshots = await counters.peek(all.flatMap(countersToPeek));
  let next = 0;
  const limits = all.flatMap((matchedLimit): readonly ExplainedLimit[] => {
    const { label, limit, use, hits } = matchedLimit;
    const isPeeked = snapshots !== undefined && countersToPeek(matchedLimit).length > 0;
    const state = isPeeked ? elementAt(snapshots, next++) : undefined;
    const mayReject = use === 'charged' || use === 'shadow' || use === 'quota';
    const isExceeded = mayReject && state !== undefined && wouldExceed(state, hits);
    const costExceedsLimit = isExceeded && limit.algorithm !== 'unlimited' && hits > limitCapacity(limit);
    if (matchedLimit.isSuperseded && !isExceeded) return [];
    return [{ label, limit, use, hits, state, isExceeded, costExceedsLimit }];
  });
  const { charges } = prepared;
  if (charges.length === 0) return { verdict: prepared.conclude(undefined), descriptors, limits };
  if (snapshots === undefined) {
    return { verdict: prepared.conclude(new StoreUnavailable('counters unreachable')), descriptors, limits };
  }
  // The counters of the charges were peeked at first, in the same order.
  const simulated = charges.map((charge, index) => ({ charge, snapshot: elementAt(snapshots, index) }));
  return { verdict: prepared.conclude(simulateOutcome(simulated)), descriptors, limits };
}

/** Returns the counter of a limit; none if it is not counted. */
function countersToPeek({ label, subject, limit }: MatchedLimit): readonly AdminCounter[] {
  return subject === undefined || limit.algorithm === 'unlimited' ? [] : [{ label, subject, limit }];
}

function chargedLimits({ charges }: PreparedDecision<unknown>): readonly MatchedLimit[] {
  return charges.map(({ subject, limit, hits, limitName: { label }, isSuperseded }) => {
    return { label, limit, use: 'charged', hits, subject, isSuperseded };
  });
}

/** Returns the limits of the rule that a descriptor matches, with the use of each if it is not charged. */
function matchRuleLimits(
  domain: string,
  descriptor: Descriptor,
  book: RuleBook,
  keys: ReceiptKeys,
): readonly MatchedLimit[] {
  const { entries, limitOverride, hits } = descriptor;
  const rule = isRedemption(descriptor, keys) ? undefined : matchRule(book, domain, entries);
  if (rule === undefined) return [];
  const subject = formatDescriptorSubject(domain, countedEntries(rule, entries));
  return rule.limits.map((limit) => {
    const { label } = ruleLimitName(rule, limit.name);
    if (limit.algorithm === 'unlimited') return { label, limit, use: 'unlimited', hits, subject: undefined };
    const use = limitOverride !== undefined ? 'overridden' : useIfNotCharged(rule);
    return { label, limit, use, hits, subject };
  });
}

function useIfNotCharged({ isShadow, isQuota }: Rule): LimitUse {
  if (isShadow === true) return 'shadow';
  return isQuota === true ? 'quota' : 'replaced';
}

function matchPlanLimits({ entries }: Descriptor, counters: CounterAccess, use: LimitUse): readonly MatchedLimit[] {
  return entries.filter(isPlanIdentity).flatMap(({ key, value }) => {
    const kind = key === 'api_key' ? 'api_key' : 'account';
    return findCurrent(counters, { kind, id: resourceId(value) }).map((counter) => matchedCounter(counter, use));
  });
}

/** The counters of a subject, without those of superseded limits. */
function findCurrent(counters: CounterAccess, selector: CounterSelector): readonly AdminCounter[] {
  return (counters.find(selector) ?? []).filter(({ isSuperseded }) => isSuperseded !== true);
}

function matchedCounter({ label, limit, subject }: AdminCounter, use: LimitUse): MatchedLimit {
  return { label, limit, use, hits: 0, subject };
}

function isCountedByPlans(domain: string, { entries }: Descriptor): boolean {
  return domain === PLANS_DOMAIN && entries.some(isPlanIdentity);
}

function withoutCharged(matched: readonly MatchedLimit[], charged: readonly MatchedLimit[]): readonly MatchedLimit[] {
  return matched.filter(
    ({ subject, limit }) => !charged.some((other) => other.subject === subject && other.limit === limit),
  );
}

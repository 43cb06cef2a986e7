import type { AdminCounter, CounterAccess, CounterSnapshot } from '../../domain/counting/counter-admin.ts';
import { formatDescriptorSubject } from '../../domain/counting/counter-subject.ts';
import type { Descriptor } from '../../domain/descriptor.ts';
import type { Limit } from '../../domain/limits/limit.ts';
import { explainMatch } from '../../domain/rules/explain-match.ts';
import type { ExplainedDescriptor, ExplainedLimit, LimitUse } from '../../domain/rules/explanation.ts';
import {
  countedEntries,
  EDGE_DOMAIN,
  matchRule,
  type Rule,
  type RuleBook,
  ruleLimitName,
} from '../../domain/rules/rule-book.ts';
import type { Verification } from '../../domain/tokens/token.ts';
import type { CheckQuestion, CheckVerdict } from '../check/check.ts';
import { edgeEntries } from '../check/edge-domain.ts';
import { type CheckContext, prepareCheck, UnverifiedCheck } from '../check/prepare-check.ts';
import type { PreparedDecision } from '../decide-batch.ts';
import { type Catalog, StoreUnavailable } from '../ports.ts';
import {
  isIdentity,
  isRedemption,
  PLANS_DOMAIN,
  prepareRateLimit,
  type RateLimitQuestion,
  withoutCollection,
} from '../rate-limit/prepare-rate-limit.ts';
import type { RateLimitVerdict } from '../rate-limit/rate-limit-verdict.ts';
import { simulateOutcome, wouldExceed } from './simulate.ts';

export interface ExplainParts {
  readonly rules: { readonly book: RuleBook };
  readonly catalog: Catalog;
  readonly counters: CounterAccess;
}

/** What a question would be answered, and what that is made of. */
export interface Explained<Verdict> {
  readonly verdict: Verdict;
  readonly descriptors: readonly ExplainedDescriptor[];
  readonly limits: readonly ExplainedLimit[];
}

/** A limit that the question meets; `subject`: where it is counted, undefined: nowhere. */
interface Met {
  readonly label: string;
  readonly limit: Limit;
  readonly use: LimitUse;
  readonly hits: number;
  readonly subject: string | undefined;
}

/** What the decision itself would make of a ShouldRateLimit request. `now` is Unix time in ms. */
export async function explainRateLimit(
  question: RateLimitQuestion,
  { rules: { book }, catalog, counters }: ExplainParts,
  now: number,
): Promise<Explained<RateLimitVerdict>> {
  const { domain } = question;
  const considered = prepareRateLimit(question, book, catalog, now);
  const charged = chargedBy(considered);
  const verdict = considered.conclude(undefined);
  const isRefused = verdict.kind === 'rate_limit' && verdict.overLimit;
  const others = question.descriptors.flatMap((descriptor) =>
    isOfPlans(domain, descriptor)
      ? metPlans(descriptor, counters, isRefused ? 'not_allowed' : 'other_route')
      : metRule(domain, descriptor, book),
  );
  const byRules = question.descriptors.filter((each) => !isRedemption(each) && !isOfPlans(domain, each));
  const descriptors = byRules.map(({ entries }) => ({ domain, entries, match: explainMatch(book, domain, entries) }));
  return explained(considered, [...charged, ...withoutThose(others, charged)], descriptors, counters);
}

/** The same of a Check. */
export async function explainCheck(
  question: CheckQuestion,
  knowledge: CheckContext & ExplainParts,
  now: number,
): Promise<Explained<CheckVerdict> & { readonly identity: CheckVerdict }> {
  const { counters } = knowledge;
  const { book } = knowledge.rules;
  const considered = await verifiedCheck(question, knowledge, now);
  const charged = chargedBy(considered);
  // Who it is, before the counters are asked.
  const identity = considered.conclude(undefined);
  const { keyId } = identity.kind === 'allowed' ? identity : { keyId: undefined };
  const all = keyId === undefined ? [] : (counters.find({ kind: 'api_key', id: keyId }) ?? []);
  const others = all.map((counter) => metCounter(counter, question.rateLimitOff ? 'rate_limit_off' : 'other_route'));
  const entries = book.has(EDGE_DOMAIN) ? edgeEntries(question) : [];
  const descriptors = entries.map((entry) => {
    return { domain: EDGE_DOMAIN, entries: [entry], match: explainMatch(book, EDGE_DOMAIN, [entry]) };
  });
  return {
    ...(await explained(considered, [...charged, ...withoutThose(others, charged)], descriptors, counters)),
    identity,
  };
}

async function verifiedCheck(
  question: CheckQuestion,
  knowledge: CheckContext,
  now: number,
): Promise<PreparedDecision<CheckVerdict>> {
  const considered = prepareCheck(question, knowledge, now);
  if (!(considered instanceof UnverifiedCheck)) return considered;
  const { token, source } = considered;
  const verification = await new Promise<Verification>((resolve) => knowledge.tokens.verify(token, source, resolve));
  return considered.verified(verification, now);
}

async function explained<Verdict>(
  considered: PreparedDecision<Verdict>,
  met: readonly Met[],
  descriptors: readonly ExplainedDescriptor[],
  counters: CounterAccess,
): Promise<Explained<Verdict>> {
  const counted = met.flatMap(({ label, subject, limit }): AdminCounter[] =>
    subject === undefined || limit.algorithm === 'unlimited' ? [] : [{ label, subject, limit }],
  );
  const states = await counters.peek(counted);
  const rest = states?.values();
  const limits = met.map((each): ExplainedLimit => {
    const isCounted = each.subject !== undefined && each.limit.algorithm !== 'unlimited';
    const state: CounterSnapshot | undefined = isCounted ? rest?.next().value : undefined;
    const { label, limit, use, hits } = each;
    const mayRefuse = use === 'charged' || use === 'shadow' || use === 'quota';
    return { label, limit, use, hits, state, isExceeded: mayRefuse && state !== undefined && wouldExceed(state, hits) };
  });
  const { charges } = considered;
  if (charges.length === 0) return { verdict: considered.conclude(undefined), descriptors, limits };
  const outcome = states === undefined ? new StoreUnavailable('not reached') : simulateOutcome(charges, states);
  return { verdict: considered.conclude(outcome), descriptors, limits };
}

function chargedBy({ charges, names }: PreparedDecision<unknown>): readonly Met[] {
  return charges.map(({ subject, limit, hits }, place) => {
    return { label: names[place]?.label ?? '', limit, use: 'charged', hits, subject };
  });
}

/** The limits of the rule that is matched, each with what becomes of it where it is not charged. */
function metRule(domain: string, descriptor: Descriptor, book: RuleBook): Met[] {
  const { entries, limitOverride: override, hits } = descriptor;
  const rule = isRedemption(descriptor) ? undefined : matchRule(book, domain, entries);
  if (rule === undefined) return [];
  const subject = formatDescriptorSubject(domain, countedEntries(rule, entries));
  return rule.limits.map((limit) => {
    const { label } = ruleLimitName(rule, limit.name);
    if (limit.algorithm === 'unlimited') return { label, limit, use: 'unlimited', hits, subject: undefined };
    const use = override !== undefined ? 'overridden' : useBeside(rule);
    return { label, limit, use, hits, subject };
  });
}

/** Of limits that are not charged with the request's others. */
function useBeside({ isShadow, isQuota }: Rule): LimitUse {
  if (isShadow === true) return 'shadow';
  return isQuota === true ? 'quota' : 'replaced';
}

function metPlans({ entries }: Descriptor, counters: CounterAccess, use: LimitUse): Met[] {
  return entries.filter(isIdentity).flatMap(({ key, value }) => {
    const kind = key === 'api_key' ? 'api_key' : 'account';
    return (counters.find({ kind, id: withoutCollection(value) }) ?? []).map((counter) => metCounter(counter, use));
  });
}

function metCounter({ label, limit, subject }: AdminCounter, use: LimitUse): Met {
  return { label, limit, use, hits: 0, subject };
}

function isOfPlans(domain: string, { entries }: Descriptor): boolean {
  return domain === PLANS_DOMAIN && entries.some(isIdentity);
}

function withoutThose(met: readonly Met[], charged: readonly Met[]): readonly Met[] {
  return met.filter(({ subject, limit }) => {
    return !charged.some((each) => each.subject === subject && each.limit === limit);
  });
}

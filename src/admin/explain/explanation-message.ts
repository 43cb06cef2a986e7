import { API_KEY_PREFIX } from '../../domain/credentials/api-key.ts';
import type { DescriptorEntry } from '../../domain/descriptor.ts';
import type { ExplainedDescriptor, ExplainedLimit, Explanation, LimitUse } from '../../domain/explanation.ts';
import { toPlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import type { MatchKind, MatchStep, TruncatedList } from '../../domain/rules/explain-match.ts';
import {
  DescriptorExplanation,
  ExplainResponse,
  LimitExplanation,
  MatchStep_Way as MatchWay,
  LimitExplanation_Use as Use,
} from '../../generated/weir/admin/v1/explain_service.ts';
import { toTimestamp } from '../fields/common-fields.ts';
import { toLimitMessage } from '../fields/limits-and-features.ts';
import type { Collection } from '../fields/resource-names.ts';

export function toExplainResponse(explanation: Explanation): ExplainResponse {
  const { answer, keyId, accountId, planId, credentialFault, descriptors, limits } = explanation;
  return ExplainResponse.fromPartial({
    answer,
    apiKey: toResourceName('apiKeys', keyId),
    account: toResourceName('accounts', accountId),
    plan: toResourceName('plans', planId),
    credentialFault: credentialFault ?? '',
    descriptors: descriptors.map(toDescriptorMessage),
    limits: limits.map(toLimitExplanationMessage),
  });
}

function toResourceName(collection: Collection, id: string | undefined): string {
  return id === undefined ? '' : `${collection}/${id}`;
}

function toDescriptorMessage({ domain, entries, match }: ExplainedDescriptor): DescriptorExplanation {
  const { isDomainKnown, steps, rule, rulesOnPath, nextKeys } = match;
  return DescriptorExplanation.fromPartial({
    domain,
    entries: entries.map(toEntryMessage),
    steps: steps.map(toStepMessage),
    rule: rule?.path ?? '',
    unknownDomain: !isDomainKnown,
    rulesOnTheWay: [...rulesOnPath],
    keysBelow: toListMessage(nextKeys),
  });
}

/** Hides the secret of an API key: a request may carry one, but an administrator who explains it must not see it. */
function toEntryMessage({ key, value }: DescriptorEntry) {
  return { key, value: value.startsWith(API_KEY_PREFIX) ? `${API_KEY_PREFIX}…` : value };
}

const MATCH_WAYS: Readonly<Record<MatchKind, MatchWay>> = {
  exact: MatchWay.EXACT,
  network: MatchWay.NETWORK,
  wildcard: MatchWay.WILDCARD,
  key: MatchWay.KEY,
};

function toStepMessage({ match, alsoMatching, otherValues, otherKeys }: MatchStep) {
  return {
    way: match === undefined ? MatchWay.UNSPECIFIED : MATCH_WAYS[match.kind],
    path: match?.path ?? '',
    passedOver: toListMessage(alsoMatching),
    otherValues: toListMessage(otherValues),
    otherKeys: toListMessage(otherKeys),
  };
}

function toListMessage({ first, omitted }: TruncatedList) {
  return first.length === 0 ? undefined : { first: [...first], omitted };
}

const USES: Readonly<Record<LimitUse, Use>> = {
  charged: Use.CHARGED,
  shadow: Use.SHADOW,
  quota: Use.QUOTA,
  replaced: Use.REPLACED,
  overridden: Use.OVERRIDDEN,
  other_route: Use.OTHER_ROUTE,
  rate_limit_off: Use.RATE_LIMIT_OFF,
  not_allowed: Use.NOT_ALLOWED,
  unlimited: Use.UNLIMITED,
};

function toLimitExplanationMessage(explained: ExplainedLimit): LimitExplanation {
  const { label, limit, use, hits, isExceeded, costExceedsLimit, state } = explained;
  return LimitExplanation.fromPartial({
    label,
    limit: toLimitMessage(toPlanLimitSpec(limit)),
    use: USES[use],
    hits,
    exceeded: isExceeded,
    costExceedsLimit,
    remaining: state?.remaining ?? 0,
    resetTime: toTimestamp(state?.resetAt),
    blocked: state?.isBlocked ?? false,
    blockEndTime: toTimestamp(state?.blockEndsAt),
  });
}

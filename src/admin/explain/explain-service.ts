import { invalidArgument } from '../../domain/api-error.ts';
import { API_KEY_PREFIX } from '../../domain/credentials/api-key.ts';
import type { DescriptorEntry } from '../../domain/descriptor.ts';
import { toPlanLimitSpec } from '../../domain/limits/plan-limit.ts';
import type { TruncatedList, MatchKind, MatchStep } from '../../domain/rules/explain-match.ts';
import type {
  Explain,
  ExplainedDescriptor,
  ExplainedLimit,
  ExplainQuestion,
  Explanation,
  LimitUse,
} from '../../domain/rules/explanation.ts';
import { CheckRequest } from '../../generated/envoy/service/auth/v3/external_auth.ts';
import { RateLimitRequest } from '../../generated/envoy/service/ratelimit/v3/rls.ts';
import {
  DescriptorExplanation,
  type ExplainRequest,
  ExplainResponse,
  type ExplainServiceService,
  LimitExplanation,
  LimitExplanation_Use as Use,
  MatchStep_Way as WayMessage,
} from '../../generated/weir/admin/v1/explain_service.ts';
import { type Authenticate, requireAdmin } from '../auth/caller.ts';
import { FieldViolations } from '../shared/field-violations.ts';
import { toLimitMessages } from '../shared/limits-and-features.ts';
import type { Handlers } from '../shared/service.ts';

export interface ExplainServiceOptions {
  readonly explain: Explain;
  readonly authenticate: Authenticate;
}

/** For administrators only. */
export function createExplainService({
  explain,
  authenticate,
}: ExplainServiceOptions): Handlers<ExplainServiceService> {
  return {
    async explain(request, context) {
      requireAdmin(await authenticate(context));
      return responseOf(await explain(readQuestion(request)));
    },
  };
}

function readQuestion({ question }: ExplainRequest): ExplainQuestion {
  switch (question?.$case) {
    case 'rateLimit':
      return { kind: 'rate_limit', message: RateLimitRequest.encode(question.value).finish() };
    case 'check':
      return { kind: 'check', message: CheckRequest.encode(question.value).finish() };
    case 'apiKey': {
      const faults = new FieldViolations();
      const id = faults.idOf('apiKeys', 'api_key', question.value);
      faults.throwIfAny();
      return { kind: 'api_key', id };
    }
    case 'secret':
      return { kind: 'secret', secret: question.value };
    case undefined:
      throw invalidArgument({
        field: 'question',
        description: 'must be a rate_limit, a check, an api_key or a secret',
      });
  }
}

function responseOf({ answer, keyId, accountId, planId, descriptors, limits }: Explanation): ExplainResponse {
  const named = (collection: string, id: string | undefined) => (id === undefined ? '' : `${collection}/${id}`);
  return ExplainResponse.fromPartial({
    answer,
    apiKey: named('apiKeys', keyId),
    account: named('accounts', accountId),
    plan: named('plans', planId),
    descriptors: descriptors.map(descriptorMessage),
    limits: limits.map(limitMessage),
  });
}

function descriptorMessage({ domain, entries, match }: ExplainedDescriptor): DescriptorExplanation {
  const { isDomainKnown, steps, rule, rulesOnPath, nextKeys } = match;
  return DescriptorExplanation.fromPartial({
    domain,
    entries: entries.map(entryMessage),
    steps: steps.map(stepMessage),
    rule: rule?.path ?? '',
    unknownDomain: !isDomainKnown,
    rulesOnTheWay: [...rulesOnPath],
    keysBelow: listMessage(nextKeys),
  });
}

/** A secret that somebody has put into a descriptor is not for whoever reads the answer. */
function entryMessage({ key, value }: DescriptorEntry) {
  return { key, value: value.startsWith(API_KEY_PREFIX) ? `${API_KEY_PREFIX}…` : value };
}

const WAYS: Readonly<Record<MatchKind, WayMessage>> = {
  exact: WayMessage.EXACT,
  wildcard: WayMessage.WILDCARD,
  key: WayMessage.KEY,
};

function stepMessage({ match, alsoMatching, otherValues, otherKeys }: MatchStep) {
  return {
    way: match === undefined ? WayMessage.UNSPECIFIED : WAYS[match.way],
    path: match?.path ?? '',
    passedOver: listMessage(alsoMatching),
    otherValues: listMessage(otherValues),
    otherKeys: listMessage(otherKeys),
  };
}

function listMessage({ first, omitted }: TruncatedList) {
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

function limitMessage({ label, limit, use, hits, isExceeded, state }: ExplainedLimit): LimitExplanation {
  const [message] = toLimitMessages([toPlanLimitSpec(limit)]);
  const dateOf = (time: number | undefined) => (time === undefined ? undefined : new Date(time));
  return LimitExplanation.fromPartial({
    label,
    limit: message,
    use: USES[use],
    hits,
    exceeded: isExceeded,
    remaining: state?.remaining ?? 0,
    resetTime: dateOf(state?.resetAt),
    blocked: state?.isBlocked ?? false,
    blockEndTime: dateOf(state?.blockEndsAt),
  });
}

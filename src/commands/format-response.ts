import type { MatchExplanation, MatchKind, MatchStep, TruncatedList } from '../domain/rules/explain-match.ts';
import {
  type DescriptorExplanation,
  type ExplainResponse,
  type LimitExplanation,
  type ListedNames,
  type MatchStep as StepMessage,
  LimitExplanation_Use as Use,
  MatchStep_Way as WayMessage,
} from '../generated/weir/admin/v1/explain_service.ts';
import { explanationLines } from './format-match.ts';

/** Formats a server's explanation as lines of text. */
export function responseLines(response: ExplainResponse): readonly string[] {
  const { answer, apiKey, account, plan, descriptors, limits } = response;
  const identity = [apiKey, account, plan].filter((name) => name !== '');
  return [
    ...descriptors.flatMap((message) => explanationLines(message.domain, message.entries, toExplanation(message))),
    ...(identity.length === 0 ? [] : [identity.join(', ')]),
    ...limits.map(limitLine),
    `answer: ${answer}`,
  ];
}

function toExplanation({
  steps,
  rule,
  unknownDomain,
  rulesOnTheWay,
  keysBelow,
  entries,
}: DescriptorExplanation): MatchExplanation {
  return {
    isDomainKnown: !unknownDomain,
    steps: steps.map((step, index) => toStep(step, entryAt(entries, index))),
    // The limits of the response follow below, with their counters.
    rule: rule === '' ? undefined : { path: rule, limits: [] },
    rulesOnPath: rulesOnTheWay,
    nextKeys: toList(keysBelow),
  };
}

function entryAt(entries: DescriptorExplanation['entries'], index: number): MatchStep['entry'] {
  const entry = entries[index];
  if (entry === undefined) throw new Error('the server explained more entries than the descriptor has');
  return entry;
}

const MATCH_KINDS: ReadonlyMap<WayMessage, MatchKind> = new Map([
  [WayMessage.EXACT, 'exact'],
  [WayMessage.NETWORK, 'network'],
  [WayMessage.WILDCARD, 'wildcard'],
  [WayMessage.KEY, 'key'],
]);

function toStep({ way, path, ...step }: StepMessage, entry: MatchStep['entry']): MatchStep {
  const kind = MATCH_KINDS.get(way);
  return {
    entry,
    match: kind && { kind, path },
    alsoMatching: toList(step.passedOver),
    otherValues: toList(step.otherValues),
    otherKeys: toList(step.otherKeys),
  };
}

function toList(names: ListedNames | undefined): TruncatedList {
  return names ?? { first: [], omitted: 0 };
}

const USE_TEXTS: ReadonlyMap<Use, string> = new Map([
  [Use.SHADOW, 'in shadow mode'],
  [Use.REPLACED, 'not charged: another rule replaces it'],
  [Use.OVERRIDDEN, 'not charged: the request brings its own limit'],
  [Use.OTHER_ROUTE, 'not charged: it counts other routes'],
  [Use.RATE_LIMIT_OFF, 'not charged: weir.rate_limit is off'],
  [Use.NOT_ALLOWED, 'not charged: the key or account is not usable'],
  [Use.UNLIMITED, 'unlimited'],
]);

function limitLine({
  label,
  limit,
  use,
  hits,
  remaining,
  exceeded,
  costExceedsLimit,
  ...state
}: LimitExplanation): string {
  const facts = [USE_TEXTS.get(use) ?? `charges ${hits}`];
  if (use !== Use.UNLIMITED) facts.push(`${remaining} of ${limit?.burst ?? limit?.requests ?? 0} left`);
  if (state.blocked) facts.push(`blocked${timeText(' until ', state.blockEndTime)}`);
  else if (state.resetTime !== undefined) facts.push(`full again at ${state.resetTime.toISOString()}`);
  if (exceeded) facts.push(use === Use.SHADOW ? 'would reject' : 'rejects');
  if (costExceedsLimit) facts.push('less than the cost of the request');
  return `  limit ${label}: ${facts.join('; ')}`;
}

function timeText(before: string, time: Date | undefined): string {
  return time === undefined ? '' : `${before}${time.toISOString()}`;
}

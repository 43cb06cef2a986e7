import type { Listed, MatchExplanation, MatchKind, MatchStep } from '../domain/rules/explain-match.ts';
import {
  type DescriptorExplanation,
  type ExplainResponse,
  type LimitExplanation,
  type ListedNames,
  type MatchStep as StepMessage,
  LimitExplanation_Use as Use,
  MatchStep_Way as WayMessage,
} from '../generated/weir/admin/v1/explain_service.ts';
import { explanationLines } from './explain-text.ts';

/** What people are told of a server's explanation, in lines. */
export function responseLines(response: ExplainResponse): readonly string[] {
  const { answer, apiKey, account, plan, descriptors, limits } = response;
  const asking = [apiKey, account, plan].filter((name) => name !== '');
  return [
    ...descriptors.flatMap((each) => explanationLines(each.domain, each.entries, matchOf(each))),
    ...(asking.length === 0 ? [] : [asking.join(', ')]),
    ...limits.map(limitLine),
    `answer: ${answer}`,
  ];
}

function matchOf({
  steps,
  rule,
  unknownDomain,
  rulesOnTheWay,
  keysBelow,
  entries,
}: DescriptorExplanation): MatchExplanation {
  return {
    isDomainKnown: !unknownDomain,
    steps: steps.map((step, place) => stepOf(step, entries[place] ?? { key: '', value: '' })),
    // Its limits are told with what they count.
    rule: rule === '' ? undefined : { path: rule, limits: [] },
    onTheWay: rulesOnTheWay,
    keysBelow: listedOf(keysBelow),
  };
}

const WAYS: ReadonlyMap<WayMessage, MatchKind> = new Map([
  [WayMessage.EXACT, 'exact'],
  [WayMessage.WILDCARD, 'wildcard'],
  [WayMessage.KEY, 'key'],
]);

function stepOf({ way, path, ...step }: StepMessage, entry: MatchStep['entry']): MatchStep {
  const taken = WAYS.get(way);
  return {
    entry,
    taken: taken && { way: taken, path },
    passedOver: listedOf(step.passedOver),
    otherValues: listedOf(step.otherValues),
    otherKeys: listedOf(step.otherKeys),
  };
}

function listedOf(names: ListedNames | undefined): Listed {
  return names ?? { first: [], omitted: 0 };
}

const USES: ReadonlyMap<Use, string> = new Map([
  [Use.SHADOW, 'in shadow mode'],
  [Use.REPLACED, 'not charged: another rule replaces it'],
  [Use.OVERRIDDEN, 'not charged: the request brings another limit along'],
  [Use.OTHER_ROUTE, 'not charged: it counts other routes'],
  [Use.RATE_LIMIT_OFF, 'not charged: weir.rate_limit is off'],
  [Use.NOT_ALLOWED, 'not charged: the key or account may not be used'],
  [Use.UNLIMITED, 'unlimited'],
]);

function limitLine({ label, limit, use, hits, remaining, exceeded, ...state }: LimitExplanation): string {
  const facts = [USES.get(use) ?? `asked for ${hits}`];
  if (use !== Use.UNLIMITED) facts.push(`${remaining} of ${limit?.burst ?? limit?.requests ?? 0} left`);
  if (state.blocked) facts.push(`blocked${timeText(' until ', state.blockEndTime)}`);
  else if (state.resetTime !== undefined) facts.push(`all free again at ${state.resetTime.toISOString()}`);
  if (exceeded) facts.push(use === Use.SHADOW ? 'would refuse' : 'refuses');
  return `  limit ${label}: ${facts.join('; ')}`;
}

function timeText(before: string, time: Date | undefined): string {
  return time === undefined ? '' : `${before}${time.toISOString()}`;
}

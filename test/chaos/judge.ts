import type { Call } from './constant-load.ts';
import { type Answer, LEDGER_LIMIT, LIMIT, QUESTIONS, type Question, WINDOW_MS } from './questions.ts';
import type { Course, Scenario } from './scenario.ts';

/** A line of the table; times in ms, all else calls. */
export interface Figures {
  readonly name: string;
  readonly calls: number;
  /** Answered after more than LATE_MS. */
  readonly late: number;
  readonly p99: number;
  readonly longest: number;
  readonly unavailable: number;
  readonly failLocal: number;
  readonly failOpen: number;
  /** From Redis' return until each node had an answer of Redis to each question. */
  readonly recovery: number;
  /** Most grants beyond the limit that surely fell into one window. */
  readonly over: { readonly local: number; readonly allow: number; readonly deny: number };
  /** Charged in Redis, though no node told that it was granted. */
  readonly unheard: number;
  /** Granted by Redis, and not charged there any more. */
  readonly lost: number;
}

export interface Judgement {
  readonly figures: Figures;
  /** What must not be, in words; empty when all is well. */
  readonly faults: readonly string[];
}

export interface Evidence {
  readonly scenario: Pick<Scenario<unknown>, 'name' | 'isOutage' | 'loses'>;
  readonly course: Course;
  readonly calls: readonly Call[];
  /** Of the ledger's limit, once the load is over. */
  readonly remaining: number;
  /** The largest share of calls that may be late: the machine is the tests' as well. */
  readonly lateShare: number;
}

type Answered = Call & { readonly answer: Answer };

/** Envoy's rate limit filter waits so long by default. */
const LATE_MS = 20;
/** No call may take longer, however busy the machine is. */
const LONGEST_MS = 1000;
const RECOVERY_MS = 2000;
/** What a silent server costs: until the breaker opens, calls wait for their deadline. */
const SETTLED_AFTER_MS = 1000;
/** Then they are answered without waiting: half of them within this, by far. */
const SETTLED_MEDIAN_MS = 10;
/** Calls that may be answered by policy while Redis is well: each needs its reply within 15 ms on a busy machine. */
const MISSED_SHARE = 0.05;
const NODES = 2;

const POLICIES: Record<Question, Answer['source']> = {
  local: 'fail-local',
  allow: 'fail-open',
  deny: 'unavailable',
  ledger: 'unavailable',
  check: 'unavailable',
};

export function judge(evidence: Evidence): Judgement {
  const { scenario, course, lateShare } = evidence;
  const calls = evidence.calls.filter((call): call is Answered => !(call.answer instanceof Error));
  const times = evidence.calls.map(({ askedAt, answeredAt }) => answeredAt - askedAt).sort((a, b) => a - b);
  const count = (source: Answer['source']) => calls.filter(({ answer }) => answer.source === source).length;
  const ledger = judgeLedger(calls, evidence);
  const figures: Figures = {
    name: scenario.name,
    calls: times.length,
    late: times.filter((ms) => ms > LATE_MS).length,
    p99: times[Math.floor(times.length * 0.99)] ?? Number.NaN,
    longest: times.at(-1) ?? Number.NaN,
    unavailable: count('unavailable'),
    failLocal: count('fail-local'),
    failOpen: count('fail-open'),
    recovery: recoveryOf(calls, course),
    over: { local: overOf(calls, 'local'), allow: overOf(calls, 'allow'), deny: overOf(calls, 'deny') },
    unheard: ledger.unheard,
    lost: ledger.lost,
  };
  const faults = [
    ...failures(evidence.calls),
    ...byPolicy(calls),
    ...inTime(calls, figures, evidence),
    ...whileAway(calls, evidence),
    ...ledger.faults,
    ...admitted(figures, scenario),
  ];
  if (figures.recovery > RECOVERY_MS) faults.push(`recovery took ${figures.recovery} ms`);
  if (figures.late > lateShare * figures.calls) faults.push(`${figures.late} of ${figures.calls} calls were late`);
  return { figures, faults };
}

function failures(calls: readonly Call[]): string[] {
  const errors = calls.flatMap(({ answer, question }) =>
    answer instanceof Error ? [`${question}: ${answer.message}`] : [],
  );
  return [...new Set(errors)].map((error) => `a call failed: ${error}`);
}

/** Who may have decided what, and what they may have said. */
function byPolicy(calls: readonly Answered[]): string[] {
  const wrong = calls.filter(
    ({ question, answer: { source } }) => !['redis', 'local', POLICIES[question]].includes(source),
  );
  const refused = calls.filter(({ answer: { source, granted } }) => source === 'fail-open' && !granted);
  const faults = wrong.map(({ question, answer }) => `${question} was decided by ${answer.source}`);
  if (refused.length > 0) faults.push(`the policy allow refused ${refused.length} calls`);
  const share = Math.floor(LIMIT / NODES);
  for (let node = 0; node < NODES; node++) {
    const granted = calls.filter(
      (call) => call.node === node && call.answer.source === 'fail-local' && call.answer.granted,
    );
    const most = mostInWindow(granted);
    if (most > share) faults.push(`node ${node} granted ${most} by itself, whose share is ${share}`);
  }
  return [...new Set(faults)];
}

function inTime(calls: readonly Answered[], { longest }: Figures, { course, scenario }: Evidence): string[] {
  const faults = longest > LONGEST_MS ? [`a call took ${longest} ms`] : [];
  const settled = calls
    .filter(({ askedAt }) => askedAt > course.from + SETTLED_AFTER_MS && askedAt < course.backAt)
    .map(({ askedAt, answeredAt }) => answeredAt - askedAt)
    .sort((a, b) => a - b);
  const median = settled[Math.floor(settled.length / 2)] ?? 0;
  if (scenario.isOutage && median > SETTLED_MEDIAN_MS) faults.push(`while Redis was away, half took ${median} ms`);
  return faults;
}

/** An outage that nobody noticed shows nothing; and while Redis is well it decides. */
function whileAway(calls: readonly Answered[], { scenario, course }: Evidence): string[] {
  const faults: string[] = [];
  if (scenario.isOutage) {
    const away = calls.filter(({ askedAt }) => askedAt > course.from && askedAt < course.backAt);
    for (const question of NAMED) {
      const policy = away.filter((call) => call.question === question && call.answer.source === POLICIES[question]);
      if (policy.length === 0) faults.push(`${question} never met its policy`);
    }
  }
  const well = calls.filter(({ askedAt, answeredAt }) => isWell(askedAt, answeredAt, course));
  const missed = well.filter(({ question, answer }) => answer.source === POLICIES[question]);
  if (missed.length > MISSED_SHARE * well.length)
    faults.push(`Redis was well and did not decide ${missed.length} calls`);
  return faults;
}

const NAMED = ['local', 'allow', 'deny', 'ledger'] as const;

function isWell(askedAt: number, answeredAt: number, { from, backAt }: Course): boolean {
  return answeredAt < from || askedAt > backAt + RECOVERY_MS;
}

function recoveryOf(calls: readonly Answered[], { backAt }: Course): number {
  let last = backAt;
  for (let node = 0; node < NODES; node++) {
    for (const question of QUESTIONS) {
      const back = calls.find(
        (call) =>
          call.node === node && call.question === question && call.askedAt >= backAt && call.answer.source === 'redis',
      );
      last = Math.max(last, back?.answeredAt ?? Number.POSITIVE_INFINITY);
    }
  }
  return last - backAt;
}

/**
 * What the ledger was charged, against what its callers were told. A call that was answered `unavailable` may have been
 * charged all the same, if its reply came too late; but not one that was asked while Redis could not run anything.
 */
function judgeLedger(calls: readonly Answered[], { course, scenario, remaining }: Evidence) {
  const used = LEDGER_LIMIT - remaining;
  const since = course.lostAt ?? Number.NEGATIVE_INFINITY;
  const ledger = calls.filter(({ question, answeredAt }) => question === 'ledger' && answeredAt >= since);
  const granted = ledger.filter(({ answer: { source } }) => source === 'redis');
  const charged = granted.filter(({ askedAt }) => askedAt >= since).length;
  const wasAway = ({ askedAt }: Call) =>
    scenario.isOutage && askedAt > course.from && askedAt < course.backAt - LATE_MS;
  const unsure = ledger
    .filter(({ answer: { source } }) => source === 'unavailable')
    .filter((call) => !wasAway(call)).length;
  const most = granted.length + unsure;
  const faults: string[] = [];
  if (used > most)
    faults.push(`${used} were charged, though at most ${most} can have been: something stale was executed`);
  if (used < charged && scenario.loses !== 'newest')
    faults.push(`${charged} were granted by Redis, which knows of ${used}`);
  return { unheard: Math.max(0, used - granted.length), lost: Math.max(0, charged - used), faults };
}

/** Whoever fails closed or has its share of the limit: the bounds that docs/guarantees.md states. */
function admitted({ over }: Figures, { isOutage, loses }: Evidence['scenario']): string[] {
  const faults: string[] = [];
  const ofLoss = loses === 'nothing' ? 0 : LIMIT;
  const ofOutage = isOutage ? LIMIT : 0;
  if (over.deny > ofLoss) faults.push(`deny: ${over.deny} beyond the limit in one window`);
  if (over.local > Math.max(ofLoss, ofOutage)) faults.push(`local: ${over.local} beyond the limit in one window`);
  return faults;
}

function overOf(calls: readonly Answered[], question: Question): number {
  return Math.max(0, mostInWindow(calls.filter((call) => call.question === question && call.answer.granted)) - LIMIT);
}

/** The most of them that surely fell into one window: each was counted between being asked and being answered. */
function mostInWindow(calls: readonly Call[]): number {
  const ordered = calls.toSorted((one, other) => one.askedAt - other.askedAt);
  let most = 0;
  for (const [place, { askedAt: start }] of ordered.entries()) {
    let count = 0;
    for (let next = place; (ordered[next]?.askedAt ?? Number.POSITIVE_INFINITY) < start + WINDOW_MS; next++) {
      if ((ordered[next]?.answeredAt ?? 0) < start + WINDOW_MS) count++;
    }
    most = Math.max(most, count);
  }
  return most;
}

import type { Call } from './probe-load.ts';
import { type Answer, LEDGER_LIMIT, LIMIT, QUESTIONS, type Question, WINDOW_MS } from './probes.ts';
import type { Course, Scenario } from './scenario.ts';

/** A line of the table; times in ms, all else calls. */
export interface Figures {
  readonly name: string;
  readonly calls: number;
  /** Shares of the calls that were answered after more than LATE_MS: of those that Redis is asked for, and of the others. */
  readonly late: number;
  readonly lateHealth: number;
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
}

type Answered = Call & { readonly answer: Answer };

/** Envoy's rate limit filter waits so long by default. */
const LATE_MS = 20;
/** No call may take longer, however busy the machine is. */
const LONGEST_MS = 1000;
const RECOVERY_MS = 2000;
/** Share of the calls that may be late for the sake of Redis: those that wait for it until the breaker opens. */
const LATE_SHARE = 0.1;
/**
 * The breaker is open from here on, and until there not even the connections were given up: in between, half of the calls
 * take no longer than those that need no Redis, give or take so many ms.
 */
const SETTLED_FROM_MS = 500;
const SETTLED_TO_MS = 1500;
const SETTLED_MEDIAN_MS = 5;
/** Share that may be answered by policy while Redis is well, beyond that of the calls that the machine itself makes late. */
const MISSED_SHARE = 0.05;
const NODES = 2;

const POLICIES: Record<Question, Answer['source']> = {
  local: 'fail-local',
  allow: 'fail-open',
  deny: 'unavailable',
  ledger: 'unavailable',
  check: 'unavailable',
  health: 'health',
};

export function judge(evidence: Evidence): Judgement {
  const { scenario, course } = evidence;
  const all = evidence.calls.filter((call): call is Answered => !(call.answer instanceof Error));
  const [health = [], calls = []] = [true, false].map((is) => all.filter((call) => is === isHealth(call)));
  const count = (source: Answer['source']) => calls.filter(({ answer }) => answer.source === source).length;
  const ledger = judgeLedger(calls, evidence);
  const figures: Figures = {
    name: scenario.name,
    calls: calls.length,
    late: lateOf(calls),
    lateHealth: lateOf(health),
    p99: quantile(calls, 0.99),
    longest: quantile(calls, 1),
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
    ...byPolicy(all),
    ...inTime(figures),
    ...withoutWaiting(calls, health, evidence),
    ...whileAway(calls, evidence),
    ...whileWell(calls, health, course),
    ...ledger.faults,
    ...admitted(figures, scenario),
  ];
  return { figures, faults };
}

function isHealth({ question }: Call): boolean {
  return question === 'health';
}

function lateOf(calls: readonly Call[]): number {
  return calls.filter(({ askedAt, answeredAt }) => answeredAt - askedAt > LATE_MS).length / calls.length;
}

/** Or refused by what Redis has just said. */
function isByRedis({ answer: { source } }: Answered): boolean {
  return source === 'redis' || source === 'local';
}

/** Of how long they took, in ms; NaN where there are none. */
function quantile(calls: readonly Call[], share: number): number {
  const times = calls.map(({ askedAt, answeredAt }) => answeredAt - askedAt).sort((a, b) => a - b);
  return times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN;
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
    (call) => call.answer.source !== POLICIES[call.question] && (isHealth(call) || !isByRedis(call)),
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

function inTime({ longest, late, lateHealth, recovery }: Figures): string[] {
  const faults: string[] = [];
  if (longest > LONGEST_MS) faults.push(`a call took ${longest} ms`);
  if (late > lateHealth + LATE_SHARE) faults.push(`a share of ${late} was late, of the others ${lateHealth}`);
  if (recovery > RECOVERY_MS) faults.push(`recovery took ${recovery} ms`);
  return faults;
}

function withoutWaiting(calls: readonly Call[], health: readonly Call[], { scenario, course }: Evidence): string[] {
  const isSettled = ({ askedAt }: Call) =>
    askedAt > course.from + SETTLED_FROM_MS && askedAt < course.from + SETTLED_TO_MS;
  const [half, others] = [calls, health].map((some) => quantile(some.filter(isSettled), 0.5));
  if (!scenario.isOutage || half === undefined || others === undefined || half <= others + SETTLED_MEDIAN_MS) return [];
  return [`while Redis was away, half of the calls took ${half} ms, of those about health ${others} ms`];
}

/** An outage that nobody noticed would show nothing. */
function whileAway(calls: readonly Answered[], { scenario, course }: Evidence): string[] {
  if (!scenario.isOutage) return [];
  const away = calls.filter(({ askedAt, answer, question }) => {
    return askedAt > course.from && askedAt < course.backAt && answer.source === POLICIES[question];
  });
  const silent = NAMED.filter((name) => !away.some(({ question }) => question === name));
  return silent.map((question) => `${question} never met its policy`);
}

/** Redis decides, and grants what the limits allow. */
function whileWell(calls: readonly Answered[], health: readonly Call[], { from, backAt }: Course): string[] {
  const faults: string[] = [];
  const well = calls.filter(({ askedAt, answeredAt }) => answeredAt < from || askedAt > backAt + RECOVERY_MS);
  const missed = well.filter(({ question, answer }) => answer.source === POLICIES[question]).length;
  if (missed > (MISSED_SHARE + lateOf(health)) * well.length) {
    faults.push(`Redis was well and did not decide ${missed} of ${well.length} calls`);
  }
  const end = Math.max(...calls.map(({ askedAt }) => askedAt));
  const last = calls.filter(({ askedAt, answer }) => askedAt > end - WINDOW_MS && answer.granted);
  for (const question of ['local', 'allow', 'deny']) {
    const granted = last.filter((call) => call.question === question).length;
    if (granted < LIMIT / 2) faults.push(`${question}: in the last window only ${granted} were granted`);
  }
  return faults;
}

/** Whose counters are on the server that is disturbed, of several. */
const NAMED = ['local', 'allow', 'deny', 'ledger'] as const;
const COUNTED = QUESTIONS.filter((question) => question !== 'health');

function recoveryOf(calls: readonly Answered[], { backAt }: Course): number {
  let last = backAt;
  for (let node = 0; node < NODES; node++) {
    for (const question of COUNTED) {
      const back = calls.find(
        (call) => call.node === node && call.question === question && call.askedAt >= backAt && isByRedis(call),
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

/**
 * What the policy `deny` grants is counted in Redis, so only what Redis forgot comes on top: once the limit. With `local`
 * so does what the nodes granted by themselves: once more the limit.
 */
function admitted({ over, failLocal }: Figures, { loses }: Evidence['scenario']): string[] {
  const forgotten = loses === 'nothing' ? 0 : LIMIT;
  const faults: string[] = [];
  if (over.deny > forgotten) faults.push(`deny: ${over.deny} beyond the limit in one window`);
  if (over.local > forgotten + Math.min(LIMIT, failLocal))
    faults.push(`local: ${over.local} beyond the limit in one window`);
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

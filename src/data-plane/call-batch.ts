import type { CheckVerdict } from '../decide/check/check-verdict.ts';
import { UnverifiedCheck } from '../decide/check/prepare-check.ts';
import { type DecidedBatch, decideBatch } from '../decide/decide-batch.ts';
import type { CounterStore, DeviceRegistry, KeyRecord, UsageTally } from '../decide/ports.ts';
import type { PreparedDecision } from '../decide/prepared-decision.ts';
import type { RateLimitVerdict } from '../decide/rate-limit/rate-limit-verdict.ts';
import { usageOfCheck, usageOfRateLimit } from '../decide/usage.ts';
import type { Logger } from '../interfaces/logger.ts';
import { describeSpan, type SpanAttributes, type Tracer } from '../interfaces/tracing.ts';
import { GrpcStatus } from '../transport/unary-call.ts';
import { type DecisionLog, logDecision } from './decision-log.ts';
import type { Conclusion, DecisionMethod, Verdict } from './decision-methods.ts';
import { type AnswerOptions, encodeVerdict, labelSource, labelVerdict } from './encode-verdict.ts';
import { startFollowUps } from './follow-ups.ts';
import { computeStoreWait, type StoreWait } from './store-wait.ts';
import type { HitTally, Tally } from './tally.ts';
import { type DecisionCall, traceRoundTrip } from './traced-call.ts';
import type { UnverifiedCalls } from './unverified-calls.ts';

export interface CallBatchOptions {
  readonly store: CounterStore;
  /** How long decisions wait for `store`. undefined: it makes nobody wait. */
  readonly storeWait?: StoreWait | undefined;
  readonly answers: AnswerOptions & {
    /** True: the rate limit service rejects nothing. Rejections are counted as `would_deny` and sent as OK. */
    readonly shadowMode: boolean;
  };
  readonly tally: Tally;
  /** Counts hits by rule. undefined: nobody reads them. */
  readonly hitTally?: HitTally | undefined;
  /** Takes the Checks whose tokens have to be verified. */
  readonly unverified: Pick<UnverifiedCalls, 'add'>;
  /** Records the use of every key that is let in. */
  readonly lastUsed: { note(key: KeyRecord): void };
  /** Counts requests for customers and billing. */
  readonly usage: UsageTally;
  /** Registers devices and counts their requests. undefined: devices are not looked up. */
  readonly devices?: DeviceRegistry | undefined;
  /** undefined: single decisions are not logged. */
  readonly decisionLog?: DecisionLog | undefined;
  /** undefined: no call is traced. */
  readonly tracer?: Tracer | undefined;
  readonly log: Pick<Logger, 'error'>;
}

/** A call with its prepared decision. */
export interface PreparedCall {
  readonly call: DecisionCall;
  readonly method: DecisionMethod;
  readonly decision: PreparedDecision<Conclusion>;
}

/** Decides calls that came together, and answers each of them. */
export class CallBatch {
  readonly #options: CallBatchOptions;
  readonly #arrivedAt: number;
  readonly #startedAt = performance.now();
  readonly #charging: PreparedCall[] = [];
  /** Calls that can wait longer than the default for the counters. */
  readonly #patient: PreparedCall[] = [];
  /** How long the most urgent of them can wait, in ms. */
  #patientWaitMs = Number.POSITIVE_INFINITY;
  readonly #uncharged: PreparedCall[] = [];

  /** `arrivedAt` is on the clock of performance.now(). */
  constructor(options: CallBatchOptions, arrivedAt: number) {
    this.#options = options;
    this.#arrivedAt = arrivedAt;
  }

  add(prepared: PreparedCall): void {
    const { device } = prepared.decision;
    // Before the next call is prepared: calls that come together must not register more devices than a plan allows.
    if (device?.isNew === true) this.#options.devices?.register(device);
    if (prepared.decision.charges.length === 0) this.#uncharged.push(prepared);
    else this.#addCharging(prepared);
  }

  #addCharging(prepared: PreparedCall): void {
    const { storeWait } = this.#options;
    const waitMs = storeWait && computeStoreWait(prepared.call.deadline, this.#startedAt, storeWait);
    if (waitMs === undefined) this.#charging.push(prepared);
    else {
      this.#patient.push(prepared);
      if (waitMs < this.#patientWaitMs) this.#patientWaitMs = waitMs;
    }
  }

  /**
   * Starts deciding. Calls that no limit applies to are decided apart, so that they do not wait for the counters. So are
   * calls that can wait longer for the counters than others.
   */
  decide(): void {
    if (this.#charging.length > 0) void decideCalls(this.#charging, this.#arrivedAt, this.#options);
    if (this.#patient.length > 0) void decideCalls(this.#patient, this.#arrivedAt, this.#options, this.#patientWaitMs);
    if (this.#uncharged.length > 0) void decideCalls(this.#uncharged, this.#arrivedAt, this.#options);
  }
}

async function decideCalls(
  prepared: readonly PreparedCall[],
  arrivedAt: number,
  options: CallBatchOptions,
  waitMs?: number,
): Promise<void> {
  let decided: DecidedBatch<Conclusion>;
  try {
    const deciding = decideBatch(
      options.store,
      prepared.map(({ decision }) => decision),
      (index) => prepared[index]?.call.cancelled === true,
      waitMs,
    );
    const traced = options.tracer === undefined ? deciding : traceRoundTrip(deciding, prepared);
    decided = traced instanceof Promise ? await traced : traced;
  } catch (error) {
    const calls = prepared.map(({ call }) => call);
    failInternally(calls, error, options.log);
    return;
  }
  const seconds = (performance.now() - arrivedAt) / 1000;
  let checks = 0;
  let rateLimits = 0;
  for (const [index, preparedCall] of prepared.entries()) {
    const { call, method, decision } = preparedCall;
    const { unenforcedRules } = decision;
    if (unenforcedRules !== undefined) for (const rule of unenforcedRules) options.tally.countUnenforcedSlots(rule);
    const conclusion = decided.verdicts[index];
    if (conclusion instanceof UnverifiedCheck) {
      if (call.cancelled) call.fail(GrpcStatus.CANCELLED, 'cancelled');
      else options.unverified.add({ call, method, check: conclusion, arrivedAt });
      continue;
    }
    answerCall(preparedCall, conclusion, options);
    if (decision.device !== undefined) options.devices?.note(decision.device, conclusion?.kind !== 'denied');
    if (method.question === 'check') checks++;
    else rateLimits++;
  }
  if (checks > 0) options.tally.observe('check', seconds, checks);
  if (rateLimits > 0) options.tally.observe('rate_limit', seconds, rateLimits);
  startFollowUps(decided, options);
}

/** How the limits of a plan name it. */
const PLAN_PREFIX = 'plans/';

/** Status messages of calls that nothing could decide, by the dependency that is missing. */
const UNAVAILABLE_MESSAGES = {
  catalog: 'the copy of the catalog is too old to decide by',
};

function answerCall(
  { call, method, decision }: PreparedCall,
  verdict: Verdict | undefined,
  { answers, tally, hitTally, usage, lastUsed, decisionLog, log }: CallBatchOptions,
): void {
  let response: Uint8Array | string;
  try {
    if (verdict === undefined) throw new Error('decideBatch returned fewer verdicts than decisions');
    const isOverridden = answers.shadowMode && verdict.kind === 'rate_limit' && verdict.overLimit;
    const answered = isOverridden ? { ...verdict, overLimit: false } : verdict;
    response =
      answered.kind === 'unavailable' ? UNAVAILABLE_MESSAGES[answered.dependency] : encodeVerdict(answered, answers);
    call.span?.setAttributes(describeVerdict(verdict, decision));
    tally.count(method.question, isOverridden ? 'would_deny' : labelVerdict(verdict), labelSource(verdict));
    if (verdict.kind === 'rate_limit') {
      countRules(verdict, tally);
      hitTally?.count(verdict.descriptors, isOverridden);
    }
    if (verdict.kind !== 'rate_limit' && verdict.kind !== 'unavailable') countCheckFaults(verdict, tally);
    // A caller that has left gets no answer, and what it was granted is refunded.
    if (!call.cancelled) recordUsage(answered, decision, usage);
    if (verdict.kind === 'allowed' && 'counterId' in verdict.credential) lastUsed.note(verdict.credential);
    if (decisionLog !== undefined) {
      logDecision(decisionLog, { call, question: method.question, verdict, usage: decision.usage, isOverridden });
    }
  } catch (error) {
    failInternally([call], error, log);
    return;
  }
  // An error rather than a verdict: OK would be a guess. Envoy then follows its failure_mode settings, which are the
  // operator's choice.
  if (typeof response === 'string') call.fail(GrpcStatus.UNAVAILABLE, response);
  else call.reply(response);
}

/** The attributes of a span that say what was decided. */
function describeVerdict(verdict: Verdict, { usage }: PreparedDecision<Conclusion>): SpanAttributes {
  return {
    'weir.verdict': labelVerdict(verdict),
    'weir.source': labelSource(verdict),
    'weir.route': 'question' in verdict ? verdict.question.route : usage?.route,
  };
}

function recordUsage(verdict: Verdict, decision: PreparedDecision<Conclusion>, usage: UsageTally): void {
  if (verdict.kind === 'unavailable') return;
  const recorded = verdict.kind === 'rate_limit' ? usageOfRateLimit(verdict, decision.usage) : usageOfCheck(verdict);
  if (recorded !== undefined) usage.record(recorded.usage, recorded.outcome);
}

function countDenial({ fault, proven, limits }: CheckVerdict & { kind: 'denied' }, tally: Tally): void {
  if (fault !== undefined) {
    tally.countRefusedCredential(fault.name);
    // The verification of a token counts the other faults of tokens.
    if (proven !== undefined && proven.keyId === undefined) tally.countRejectedClaims(proven.credential, fault.name);
  }
  for (const { exceeded, rule, limit } of limits) {
    if (!exceeded) continue;
    if (rule.startsWith(PLAN_PREFIX)) tally.countCheckRefusal(rule.slice(PLAN_PREFIX.length), limit.name);
    // Keys and tokens are too many to name, and so are their own limits.
    else if (rule.startsWith('apiKeys/') || rule.startsWith('tokens/'))
      tally.countCheckRefusal(proven?.planId ?? '', 'own');
    else tally.countCheckRefusal('', rule);
  }
}

function countRules(verdict: RateLimitVerdict & { kind: 'rate_limit' }, tally: Tally): void {
  const { descriptors, candidates, forgottenUsage, configurationFault } = verdict;
  for (const { metricName, overLimit } of descriptors) {
    if (metricName !== undefined) tally.countRule(metricName, overLimit);
  }
  for (const { rule, verdict } of candidates) tally.countCandidate(rule, verdict);
  if (configurationFault !== undefined) tally.countConfigurationFault(configurationFault);
  if (forgottenUsage !== undefined) for (const rule of forgottenUsage) tally.countForgottenUsage(rule);
}

function countCheckFaults(verdict: CheckVerdict, tally: Tally): void {
  const { configurationFault } = verdict.question;
  if (configurationFault !== undefined) tally.countConfigurationFault(configurationFault);
  if (verdict.kind === 'denied') countDenial(verdict, tally);
}

/** Fails calls after a bug or a broken dependency. The cause goes to the log only: it is not the caller's to know. */
export function failInternally(calls: readonly DecisionCall[], cause: unknown, log: CallBatchOptions['log']): void {
  const requestIds = calls.flatMap(({ requestId }) => requestId ?? []);
  // One of them leads to the others, which have the same request ids as this line.
  const span = calls.find((call) => call.span !== undefined)?.span;
  log.error({ request_ids: requestIds, ...(span && describeSpan(span)), err: cause }, 'deciding calls failed');
  for (const call of calls) call.fail(GrpcStatus.INTERNAL, 'internal error');
}

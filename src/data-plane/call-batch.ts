import { type DecidedBatch, decideBatch } from '../decide/decide-batch.ts';
import type { CounterStore, KeyRecord } from '../decide/ports.ts';
import type { PreparedDecision } from '../decide/prepared-decision.ts';
import type { RateLimitVerdict } from '../decide/rate-limit/rate-limit-verdict.ts';
import type { LimitHeaderMode } from '../envoy/headers/limit-headers.ts';
import type { Logger } from '../interfaces/logger.ts';
import { GrpcStatus, type UnaryCall } from '../transport/unary-call.ts';
import type { DecisionMethod, Verdict } from './decision-methods.ts';
import { encodeVerdict, labelSource, labelVerdict } from './encode-verdict.ts';
import { startFollowUps } from './follow-ups.ts';
import type { Tally } from './tally.ts';

export interface CallBatchOptions {
  readonly store: CounterStore;
  readonly answers: {
    /** Which responses report limits to clients. */
    readonly rateLimitHeaders: LimitHeaderMode;
    /** True: the rate limit service rejects nothing. Rejections are counted as `would_deny` and sent as OK. */
    readonly shadowMode: boolean;
  };
  readonly tally: Tally;
  /** Records the use of every key that is let in. */
  readonly lastUsed: { note(key: KeyRecord): void };
  readonly log: Pick<Logger, 'error'>;
}

/** A call with its prepared decision. */
export interface PreparedCall {
  readonly call: UnaryCall;
  readonly method: DecisionMethod;
  readonly decision: PreparedDecision<Verdict>;
}

/** Decides calls that came together, and answers each of them. */
export class CallBatch {
  readonly #options: CallBatchOptions;
  readonly #arrivedAt: number;
  readonly #charging: PreparedCall[] = [];
  readonly #uncharged: PreparedCall[] = [];

  /** `arrivedAt` is on the clock of performance.now(). */
  constructor(options: CallBatchOptions, arrivedAt: number) {
    this.#options = options;
    this.#arrivedAt = arrivedAt;
  }

  add(prepared: PreparedCall): void {
    (prepared.decision.charges.length > 0 ? this.#charging : this.#uncharged).push(prepared);
  }

  /** Starts deciding. Calls that no limit applies to are decided apart, so that they do not wait for the counters. */
  decide(): void {
    if (this.#charging.length > 0) void decideCalls(this.#charging, this.#arrivedAt, this.#options);
    if (this.#uncharged.length > 0) void decideCalls(this.#uncharged, this.#arrivedAt, this.#options);
  }
}

async function decideCalls(
  prepared: readonly PreparedCall[],
  arrivedAt: number,
  options: CallBatchOptions,
): Promise<void> {
  let decided: DecidedBatch<Verdict>;
  try {
    const deciding = decideBatch(
      options.store,
      prepared.map(({ decision }) => decision),
      (index) => prepared[index]?.call.cancelled === true,
    );
    decided = deciding instanceof Promise ? await deciding : deciding;
  } catch (error) {
    const calls = prepared.map(({ call }) => call);
    failInternally(calls, error, options.log);
    return;
  }
  const seconds = (performance.now() - arrivedAt) / 1000;
  let checks = 0;
  for (const [index, { call, method }] of prepared.entries()) {
    answerCall(call, method, decided.verdicts[index], options);
    if (method.question === 'check') checks++;
  }
  if (checks > 0) options.tally.observe('check', seconds, checks);
  if (checks < prepared.length) options.tally.observe('rate_limit', seconds, prepared.length - checks);
  startFollowUps(decided, options);
}

/** Status messages of calls that nothing could decide, by the dependency that is missing. */
const UNAVAILABLE_MESSAGES = {
  counters: 'the counters cannot be reached',
  catalog: 'the copy of the catalog is too old to decide by',
};

function answerCall(
  call: UnaryCall,
  method: DecisionMethod,
  verdict: Verdict | undefined,
  { answers, tally, lastUsed, log }: CallBatchOptions,
): void {
  let response: Uint8Array | string;
  try {
    if (verdict === undefined) throw new Error('decideBatch returned fewer verdicts than decisions');
    const isOverridden = answers.shadowMode && verdict.kind === 'rate_limit' && verdict.overLimit;
    response =
      verdict.kind === 'unavailable'
        ? UNAVAILABLE_MESSAGES[verdict.dependency]
        : encodeVerdict(isOverridden ? { ...verdict, overLimit: false } : verdict, answers.rateLimitHeaders);
    tally.count(method.question, isOverridden ? 'would_deny' : labelVerdict(verdict), labelSource(verdict));
    if (verdict.kind === 'rate_limit') countRules(verdict, tally);
    else if (verdict.kind === 'denied' && verdict.fault !== undefined) tally.countRefusedCredential(verdict.fault.name);
    if (verdict.kind === 'allowed' && 'counterId' in verdict.credential) lastUsed.note(verdict.credential);
  } catch (error) {
    failInternally([call], error, log);
    return;
  }
  // An error rather than a verdict: OK would be a guess. Envoy then follows its failure_mode settings, which are the
  // operator's choice.
  if (typeof response === 'string') call.fail(GrpcStatus.UNAVAILABLE, response);
  else call.reply(response);
}

function countRules(verdict: RateLimitVerdict & { kind: 'rate_limit' }, tally: Tally): void {
  const { descriptors, candidates, forgottenUsage } = verdict;
  for (const { metricName, overLimit } of descriptors) {
    if (metricName !== undefined) tally.countRule(metricName, overLimit);
  }
  for (const { rule, verdict } of candidates) tally.countCandidate(rule, verdict);
  if (forgottenUsage !== undefined) for (const rule of forgottenUsage) tally.countForgottenUsage(rule);
}

/** Fails calls after a bug or a broken dependency. The cause goes to the log only: it is not the caller's to know. */
export function failInternally(calls: readonly UnaryCall[], cause: unknown, log: CallBatchOptions['log']): void {
  const requestIds = calls.flatMap(({ requestId }) => requestId ?? []);
  log.error({ request_ids: requestIds, err: cause }, 'deciding calls failed');
  for (const call of calls) call.fail(GrpcStatus.INTERNAL, 'internal error');
}

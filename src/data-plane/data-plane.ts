import { UnverifiedCheck } from '../decide/check/prepare-check.ts';
import { type DecidedBatch, decideBatch, type PreparedDecision, type ShadowDecision } from '../decide/decide-batch.ts';
import { type CounterStore, type KeyRecord, type Receipt, StoreUnavailable } from '../decide/ports.ts';
import type { RateLimitVerdict } from '../decide/rate-limit/rate-limit-verdict.ts';
import { type Redemption, redeem } from '../decide/receipts/redeem.ts';
import type { RateLimitHeaders } from '../envoy/headers/limit-headers.ts';
import { InvalidRequest } from '../envoy/wire/decode-message.ts';
import type { Logger } from '../interfaces/logger.ts';
import { type BatchHandler, GrpcStatus, type UnaryCall } from '../transport/unary-call.ts';
import {
  answerOf,
  type DecisionContext,
  type DecisionMethod,
  decisionMethods,
  encodeVerdict,
  sourceOf,
  type Verdict,
} from './decision-methods.ts';
import { answerHealthCheck, HEALTH_CHECK_PATH } from './health.ts';
import { UnverifiedCalls, type VerifiedCall } from './unverified-calls.ts';

export interface DataPlaneParts extends DecisionContext {
  readonly store: CounterStore;
  readonly answers: {
    /** Which tell clients of their limits. */
    readonly rateLimitHeaders: RateLimitHeaders;
    /** The rate limit service refuses nothing; what it would have refused is counted. */
    readonly shadowMode: boolean;
  };
  /** Whether Envoy should send decisions here. */
  readonly isServing: () => boolean;
  readonly tally: {
    count(question: Question, verdict: string, source: string): void;
    observe(question: Question, seconds: number, calls: number): void;
    countShadow(rule: string, verdict: string): void;
    countReceipt(use: string, result: string): void;
    countCandidate(rule: string, verdict: string): void;
    countRule(name: string, overLimit: boolean): void;
  };
  /** Is told of every key that is let in. */
  readonly lastUsed: { note(key: KeyRecord): void };
  readonly log: Pick<Logger, 'error'>;
}

type Question = DecisionMethod['question'];
type Tally = DataPlaneParts['tally'];

interface PendingCall {
  readonly call: UnaryCall;
  readonly method: DecisionMethod;
  readonly consideration: PreparedDecision<Verdict>;
}

/** Answers whole batches of calls: each is thought through in memory, then all are charged in one call of the store. */
export function createDataPlane(parts: DataPlaneParts): BatchHandler {
  const methods = decisionMethods(parts);
  const unverified = new UnverifiedCalls(parts.tokens, (calls) => decideVerified(calls, parts));
  return (calls) => {
    const arrived = performance.now();
    const now = Date.now();
    const batch = new Batch(arrived);
    for (const call of calls) {
      const method = methods.get(call.path);
      if (method !== undefined) {
        const consideration = consider(call, method, now, parts);
        if (consideration instanceof UnverifiedCheck) unverified.hold({ call, method, check: consideration, arrived });
        else if (consideration !== undefined) batch.add({ call, method, consideration });
      } else if (call.path === HEALTH_CHECK_PATH) answerHealthCheck(call, parts.isServing());
      else call.fail(GrpcStatus.UNIMPLEMENTED, `no such method: ${call.path}`);
    }
    batch.decide(parts);
  };
}

/** Calls that are decided together. */
class Batch {
  readonly #arrived: number;
  readonly #charging: PendingCall[] = [];
  readonly #free: PendingCall[] = [];

  constructor(arrived: number) {
    this.#arrived = arrived;
  }

  add(pending: PendingCall): void {
    (pending.consideration.charges.length > 0 ? this.#charging : this.#free).push(pending);
  }

  decide(parts: DataPlaneParts): void {
    if (this.#charging.length > 0) void decide(this.#charging, this.#arrived, parts);
    // By themselves: what nothing limits does not wait for the counters.
    if (this.#free.length > 0) void decide(this.#free, this.#arrived, parts);
  }
}

/** What has happened to them while they waited is looked at as when they came: nobody may wait for an answer any more. */
function decideVerified(calls: readonly VerifiedCall[], parts: DataPlaneParts): void {
  const now = Date.now();
  const batch = new Batch(Math.min(...calls.map(({ arrived }) => arrived)));
  for (const { call, method, check, verification } of calls) {
    if (call.cancelled) call.fail(GrpcStatus.CANCELLED, 'cancelled');
    else if (call.deadline !== undefined && call.deadline <= performance.now()) {
      call.fail(GrpcStatus.DEADLINE_EXCEEDED, 'deadline exceeded before the call was decided');
    } else {
      try {
        batch.add({ call, method, consideration: check.verified(verification, now) });
      } catch (error) {
        failInternally([call], error, parts.log);
      }
    }
  }
  batch.decide(parts);
}

/** Whatever is wrong with one call is answered to that call, and the rest of the batch goes on. */
function consider(
  call: UnaryCall,
  method: DecisionMethod,
  now: number,
  { log, tally }: DataPlaneParts,
): PreparedDecision<Verdict> | UnverifiedCheck | undefined {
  if (call.cancelled) return undefined;
  try {
    return method.prepare(call.message, now);
  } catch (error) {
    tally.count(method.question, 'invalid', 'none');
    if (error instanceof InvalidRequest) call.fail(GrpcStatus.INVALID_ARGUMENT, error.message);
    else failInternally([call], error, log);
    return undefined;
  }
}

async function decide(pending: readonly PendingCall[], arrived: number, parts: DataPlaneParts): Promise<void> {
  let decided: DecidedBatch<Verdict>;
  try {
    const deciding = decideBatch(
      parts.store,
      pending.map(({ consideration }) => consideration),
      (place) => pending[place]?.call.cancelled === true,
    );
    decided = deciding instanceof Promise ? await deciding : deciding;
  } catch (error) {
    const calls = pending.map(({ call }) => call);
    failInternally(calls, error, parts.log);
    return;
  }
  const seconds = (performance.now() - arrived) / 1000;
  let checks = 0;
  for (const [index, { call, method }] of pending.entries()) {
    answer(call, method, decided.verdicts[index], parts);
    if (method.question === 'check') checks++;
  }
  if (checks > 0) parts.tally.observe('check', seconds, checks);
  if (checks < pending.length) parts.tally.observe('rate_limit', seconds, pending.length - checks);
  if (decided.refunds.length > 0) void giveBack(decided.refunds, parts);
  if (decided.redemptions.length > 0) void redeemReceipts(decided.redemptions, parts);
  if (decided.shadows.length > 0) void decideShadows(decided.shadows, parts);
}

async function decideShadows(shadows: readonly ShadowDecision[], { store, tally, log }: DataPlaneParts): Promise<void> {
  try {
    const outcomes = await store.decide(shadows);
    for (const [place, { rule }] of shadows.entries()) {
      const outcome = outcomes[place];
      const isKnown = outcome !== undefined && !(outcome instanceof StoreUnavailable);
      tally.countShadow(rule, isKnown ? (outcome.granted ? 'ok' : 'would_deny') : 'unavailable');
    }
  } catch (error) {
    log.error({ err: error }, 'rules in shadow mode could not be decided');
  }
}

/** Where the counters cannot be reached, it stays charged: nobody waits who could be told. */
async function giveBack(receipts: readonly Receipt[], { store, log }: DataPlaneParts): Promise<void> {
  try {
    await store.refund(receipts);
  } catch (error) {
    log.error({ err: error }, 'grants could not be given back');
  }
}

async function redeemReceipts(
  redemptions: readonly Redemption[],
  { store, tally, log }: DataPlaneParts,
): Promise<void> {
  try {
    const results = await redeem(store, redemptions);
    for (const [place, { use }] of redemptions.entries()) tally.countReceipt(use, results[place] ?? 'unavailable');
  } catch (error) {
    log.error({ err: error }, 'receipts could not be redeemed');
  }
}

const AWAY = {
  counters: 'the counters cannot be reached',
  catalog: 'the catalog has not been followed for too long',
};

function answer(call: UnaryCall, method: DecisionMethod, verdict: Verdict | undefined, parts: DataPlaneParts): void {
  let message: Uint8Array | string;
  try {
    if (verdict === undefined) throw new Error('the decider answered fewer questions than it was asked');
    const { shadowMode, rateLimitHeaders } = parts.answers;
    const isOverridden = shadowMode && verdict.kind === 'rate_limit' && verdict.overLimit;
    message =
      verdict.kind === 'unavailable'
        ? AWAY[verdict.away]
        : encodeVerdict(isOverridden ? { ...verdict, overLimit: false } : verdict, rateLimitHeaders);
    parts.tally.count(method.question, isOverridden ? 'would_deny' : answerOf(verdict), sourceOf(verdict));
    if (verdict.kind === 'rate_limit') countRules(verdict, parts.tally);
    if (verdict.kind === 'allowed' && 'counterId' in verdict.credential) parts.lastUsed.note(verdict.credential);
  } catch (error) {
    failInternally([call], error, parts.log);
    return;
  }
  // An error and not a verdict: Envoy's failure_mode decides then, as its owner has chosen, and OK would be a guess.
  if (typeof message === 'string') call.fail(GrpcStatus.UNAVAILABLE, message);
  else call.reply(message);
}

function countRules({ descriptors, candidates }: RateLimitVerdict & { kind: 'rate_limit' }, tally: Tally): void {
  for (const { metricName, overLimit } of descriptors) {
    if (metricName !== undefined) tally.countRule(metricName, overLimit);
  }
  for (const { rule, verdict } of candidates) tally.countCandidate(rule, verdict);
}

/** The cause is for the log: what went wrong inside is not the caller's to know. */
function failInternally(calls: readonly UnaryCall[], cause: unknown, log: DataPlaneParts['log']): void {
  const requestIds = calls.flatMap(({ requestId }) => requestId ?? []);
  log.error({ request_ids: requestIds, err: cause }, 'calls could not be decided');
  for (const call of calls) call.fail(GrpcStatus.INTERNAL, 'internal error');
}

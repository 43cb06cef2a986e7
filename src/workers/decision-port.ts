import type { AccountRecord } from '../domain/account-state.ts';
import type { CounterChange, CounterReading, CounterSelection } from '../domain/counting/counter-admin.ts';
import type { DescribedKey } from '../domain/credentials/described-key.ts';
import type { ExplainQuestion, Explanation } from '../domain/explanation.ts';
import type { Plan } from '../domain/limits/plan.ts';
import type { ListRules } from '../domain/rules/listed-rules.ts';
import type { AdminLimits } from '../interfaces/admin-limits.ts';
import type { Admission } from '../interfaces/call-limit.ts';
import type { MetricFamily } from '../interfaces/metric-family.ts';
import type { NodeStatusReport } from '../telemetry/node-status.ts';

/** A call of the data plane that came in on another plane. */
export interface ForwardedCall {
  /** `/package.Service/Method`. */
  readonly path: string;
  readonly message: Uint8Array;
  readonly requestId: string | undefined;
  readonly traceparent: string | undefined;
  /** Time in ms after which the caller has gone. */
  readonly timeoutMs: number;
}

export type ForwardedReply =
  | { readonly kind: 'replied'; readonly message: Uint8Array }
  /** `status` is a gRPC status. */
  | { readonly kind: 'failed'; readonly status: number; readonly message: string };

/** Why the process cannot decide, and the state of what it depends on. */
export type DecisionStatus = Pick<NodeStatusReport, 'reasons' | 'parts' | 'catalog' | 'counters' | 'rules'>;

/**
 * Everything that the control process asks of the process that decides. Every method takes one argument, and arguments
 * and results are plain data, so that they can cross a channel between processes. A method rejects with an ApiError that
 * the caller may learn of; `decisions_unavailable` if the process does not answer.
 */
export interface DecisionPort {
  /** Decides as if Envoy had asked. */
  decide(call: ForwardedCall): Promise<ForwardedReply>;
  /** Explains a decision without charging anything. */
  explain(question: ExplainQuestion): Promise<Explanation>;
  listRules: ListRules;
  readCounters(selection: CounterSelection): Promise<CounterReading>;
  /** Changes counters, then reads them. */
  changeCounters(change: CounterSelection & { readonly change: CounterChange }): Promise<CounterReading>;
  /** Counts a call that needs no credential. */
  admit(call: { readonly method: string; readonly peer: string }): Promise<Admission>;
  /** Counts a call of the admin API before it begins. */
  beginAdminCall: AdminLimits['begin'];
  /** Counts how a call of the admin API has ended. */
  endAdminCall: AdminLimits['end'];
  /** Rejects with `unavailable` if the copy of the catalog is so old that the key may have been revoked since. */
  findKey(secret: string): Promise<DescribedKey | undefined>;
  findAccount(id: string): Promise<AccountRecord | undefined>;
  findPlan(id: string): Promise<Plan | undefined>;
  /** Applies everything that has been committed to the catalog so far. */
  refreshCatalog(argument: undefined): Promise<void>;
  readStatus(argument: undefined): Promise<DecisionStatus>;
  readMetrics(argument: undefined): Promise<readonly MetricFamily[]>;
  /** Reads the few metrics of decisions as a whole, which cost less than all. */
  readDecisionMetrics(argument: undefined): Promise<readonly MetricFamily[]>;
}

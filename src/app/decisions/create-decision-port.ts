import type { CatalogReplica } from '../../catalog/feed/replica.ts';
import type { KeyRecord } from '../../decide/ports.ts';
import { ApiError } from '../../domain/api-error.ts';
import type { CounterAdmin } from '../../domain/counting/counter-admin.ts';
import { formatNetworks } from '../../domain/credentials/allowed-networks.ts';
import { isApiKey } from '../../domain/credentials/api-key.ts';
import type { DescribedKey } from '../../domain/credentials/described-key.ts';
import type { Explain } from '../../domain/explanation.ts';
import type { ListRules } from '../../domain/rules/listed-rules.ts';
import type { AdminLimits } from '../../interfaces/admin-limits.ts';
import type { CallLimit } from '../../interfaces/call-limit.ts';
import type { Metrics } from '../../telemetry/metrics/metrics.ts';
import type { NodeStatus } from '../../telemetry/node-status.ts';
import type { BatchHandler } from '../../transport/unary-call.ts';
import type { DecisionPort } from '../../workers/decision-port.ts';
import { answerForwardedCalls } from '../../workers/forward-calls.ts';

export interface DecisionPortParts {
  /** Decides the calls of the data plane. */
  readonly handler: BatchHandler;
  readonly explain: Explain;
  readonly listRules: ListRules;
  readonly counters: CounterAdmin;
  readonly calls: CallLimit;
  readonly adminLimits: AdminLimits;
  readonly catalog: CatalogReplica;
  readonly status: NodeStatus;
  readonly metrics: Metrics;
}

/** Creates the port that answers the control process, in the process that decides. */
export function createDecisionPort(parts: DecisionPortParts): DecisionPort {
  const { handler, explain, listRules, counters, calls, adminLimits, catalog, status, metrics } = parts;
  return {
    decide: answerForwardedCalls(handler),
    explain,
    listRules,
    readCounters: (selection) => counters.read(selection),
    changeCounters: ({ change, ...selection }) => counters.change(selection, change),
    admit: ({ method, peer }) => calls.admit(method, peer),
    beginAdminCall: (call) => adminLimits.begin(call),
    endAdminCall: (ended) => adminLimits.end(ended),
    async findKey(secret) {
      if (catalog.isTooStale) throw new ApiError({ kind: 'unavailable' });
      const key = isApiKey(secret) ? catalog.keyBySecret(secret) : catalog.importedKeyBySecret(secret);
      return key && toDescribedKey(key);
    },
    findAccount: async (id) => catalog.account(id),
    findPlan: async (id) => catalog.plan(id),
    refreshCatalog: () => catalog.refresh(),
    readStatus: async () => status.read(),
    readMetrics: () => metrics.read(),
    readDecisionMetrics: () => metrics.readDecisions(),
  };
}

/** Keeps only plain data. */
function toDescribedKey({ policy, ...key }: KeyRecord): DescribedKey {
  const { id, accountId, planId, disabled, accountState, expiresAt } = key;
  const { limits, features } = policy;
  const allowedNetworks = formatNetworks(policy.allowedNetworks);
  return { id, accountId, planId, policy: { limits, features }, allowedNetworks, disabled, accountState, expiresAt };
}

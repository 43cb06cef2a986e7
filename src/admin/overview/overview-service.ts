import type { GetOverviewResponse, OverviewServiceService } from '../../generated/weir/admin/v1/overview_service.ts';
import { type Authenticate, requireAdmin } from '../callers/caller.ts';
import type { Handlers } from '../methods/unary-service.ts';
import { type ReportedStatus, toHealthMessage, toPartMessages } from '../status/status-service.ts';
import { type DecisionStatistics, toDecisionStatisticsMessage } from './decision-statistics.ts';

/** The state of this node and what it decides. */
export interface NodeOverview {
  /** Name of the machine. */
  readonly node: string;
  readonly status: ReportedOverviewStatus;
  /** undefined: the node does not decide, or the process that does gives no answer. */
  readonly decisions: DecisionStatistics | undefined;
  /** Deciding processes that share the counters; undefined: not known. */
  readonly liveNodes: number | undefined;
}

/** The fields of `/status` that the overview has. */
export interface ReportedOverviewStatus extends ReportedStatus {
  readonly catalog: { readonly ageSeconds: number } | null;
  readonly counters: { readonly store: string; readonly reachable: boolean } | null;
  readonly rules: { readonly version: string; readonly loadTime: string } | null;
}

export interface OverviewServiceOptions {
  /** Reads the state of this node. Never rejects. */
  readonly readOverview: () => Promise<NodeOverview>;
  readonly authenticate: Authenticate;
}

/** Reports what a status page shows of this node. For administrators only. */
export function createOverviewService({
  readOverview,
  authenticate,
}: OverviewServiceOptions): Handlers<OverviewServiceService> {
  return {
    async getOverview(_request, context) {
      requireAdmin(await authenticate(context));
      return toResponse(await readOverview());
    },
  };
}

function toResponse({ node, status, decisions, liveNodes }: NodeOverview): GetOverviewResponse {
  const { role, version, startTime, catalog, counters, rules } = status;
  return {
    readTime: new Date(),
    node,
    role,
    version,
    startTime: new Date(startTime),
    health: toHealthMessage(status),
    parts: toPartMessages(status),
    decisions: decisions && toDecisionStatisticsMessage(decisions),
    liveNodes,
    rules: rules === null ? undefined : { version: rules.version, loadTime: new Date(rules.loadTime) },
    catalogAgeSeconds: catalog?.ageSeconds,
    counterStore: counters === null ? undefined : { kind: counters.store, reachable: counters.reachable },
  };
}

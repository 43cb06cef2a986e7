import { hostname } from 'node:os';
import type { ReadOnlyServicesOptions } from '../../admin/admin-services.ts';
import type { NodeOverview } from '../../admin/overview/overview-service.ts';
import type { Config } from '../../config/config.ts';
import type { MetricFamily } from '../../interfaces/metric-family.ts';
import type { DecisionPort } from '../../workers/decision-port.ts';
import type { NodeState } from './node-state.ts';

/** Creates the functions that read the state of this node for the admin API. They never reject. */
export function createStateReaders(
  config: Pick<Config, 'role'>,
  state: Pick<NodeState, 'readState'>,
  port: Pick<DecisionPort, 'readDecisionMetrics'>,
): Pick<ReadOnlyServicesOptions, 'readStatus' | 'readOverview'> {
  return { readStatus: () => state.readState(), readOverview: createOverviewReader(config, state, port) };
}

function createOverviewReader(
  { role }: Pick<Config, 'role'>,
  state: Pick<NodeState, 'readState'>,
  port: Pick<DecisionPort, 'readDecisionMetrics'>,
): () => Promise<NodeOverview> {
  const node = hostname();
  return async () => {
    const [status, metrics] = await Promise.all([
      state.readState(),
      port.readDecisionMetrics(undefined).catch((): readonly MetricFamily[] => []),
    ]);
    const find = (name: string) => metrics.find((family) => family.name === name);
    const [counts, latencies] = [find('weir_decisions_total'), find('weir_decision_seconds')];
    const isKnown = role !== 'admin' && counts !== undefined && latencies !== undefined;
    return {
      node,
      status,
      decisions: isKnown ? { counts, latencies } : undefined,
      // The metric is 0 until the nodes were counted.
      liveNodes: find('weir_live_nodes')?.values[0]?.value || undefined,
    };
  };
}

import type { ReadOnlyServicesOptions } from '../../admin/admin-services.ts';
import type { TrustReplica } from '../../catalog/feed/trust-replica.ts';
import type { DecisionPort } from '../../workers/decision-port.ts';
import { rememberRejections } from '../../workers/remember-rejections.ts';

type AskedParts = Pick<
  ReadOnlyServicesOptions,
  'credentials' | 'counters' | 'explain' | 'listRules' | 'calls' | 'refresh'
>;

/** The parts of the admin API that ask the process that decides. */
export function createAskedParts(port: DecisionPort, trust: TrustReplica): AskedParts {
  return {
    credentials: port,
    counters: {
      read: (selection) => port.readCounters(selection),
      change: (selection, change) => port.changeCounters({ ...selection, change }),
    },
    explain: (question) => port.explain(question),
    listRules: (question) => port.listRules(question),
    calls: rememberRejections({ admit: (method, peer) => port.admit({ method, peer }) }),
    async refresh() {
      // A change that was made is reported as made, whether or not this node can read it already.
      await Promise.all([trust.refresh(), port.refreshCatalog(undefined).catch(() => {})]);
    },
  };
}

import type { RulesState } from '../domain/rules/rules-state.ts';
import { assessDecisionParts, assessNode, type DecisionParts, type Health, type PartHealth } from './node-health.ts';
import type { Readiness } from './readiness.ts';

/** The state of this node's copy of the catalog. */
interface CatalogState {
  /** Time in ms since the copy was last known to be current. */
  readonly staleness: number;
  /** Where the copy comes from: the database, or the file that an earlier run of this node wrote. */
  readonly source: 'postgres' | 'snapshot';
  /** Whether the last attempt to read the changes from Postgres succeeded. */
  readonly isFollowing: boolean;
  /** Whether a new copy is being loaded. The present one is served meanwhile. */
  readonly isReloading: boolean;
}

/** The state of the counters. */
interface CountersState {
  readonly kind: 'memory' | 'redis';
  /** Whether the counters can be reached. Counters in memory always can. */
  readonly ready: boolean;
}

/** What `/status` answers, as JSON. Names are public: they are only added to. It contains no secret and no address. */
export interface NodeStatusReport {
  readonly version: string;
  readonly role: string;
  /** Time of the start, as in RFC 3339. */
  readonly startTime: string;
  readonly ready: boolean;
  readonly health: Health;
  readonly parts: readonly PartHealth[];
  /** Why the node is not ready; empty while it is. */
  readonly reasons: readonly string[];
  /** null: the node has no catalog yet. */
  readonly catalog: {
    readonly ageSeconds: number;
    readonly source: 'postgres' | 'snapshot';
    readonly feedConnected: boolean;
    readonly reloading: boolean;
  } | null;
  /** null: the counters are not open yet. */
  readonly counters: { readonly store: 'memory' | 'redis'; readonly reachable: boolean } | null;
  /** The rules in force. null: the node is starting. */
  readonly rules: {
    /** A digest of the rules files: equal files have equal versions. Empty without rules files. */
    readonly version: string;
    /** Time of the load, as in RFC 3339. */
    readonly loadTime: string;
  } | null;
}

/** The parts of the process that decides. */
interface ObservedParts extends DecisionParts {
  readonly catalog: CatalogState;
  readonly counters: CountersState;
  readonly rules: { readonly state: RulesState };
}

/** Reports the state of this node to operators. */
export class NodeStatus {
  readonly #fixed: Pick<NodeStatusReport, 'version' | 'role' | 'startTime'>;
  readonly #readiness: Readiness;
  /** undefined: the node is starting. */
  #parts: ObservedParts | undefined;

  constructor(node: { readonly version: string; readonly role: string }, readiness: Readiness) {
    this.#fixed = { ...node, startTime: new Date().toISOString() };
    this.#readiness = readiness;
  }

  /** Adds the parts whose state is reported. */
  observe(parts: ObservedParts): void {
    this.#parts = parts;
  }

  read(): NodeStatusReport {
    const reasons = this.#readiness.reasons();
    const { catalog, counters, rules } = this.#parts ?? {};
    const parts = this.#parts === undefined ? [] : assessDecisionParts(this.#parts);
    return {
      ...this.#fixed,
      ready: reasons.length === 0,
      health: assessNode(reasons, parts),
      parts,
      reasons,
      catalog: catalog === undefined ? null : reportCatalog(catalog),
      counters: counters === undefined ? null : { store: counters.kind, reachable: counters.ready },
      rules: rules === undefined ? null : reportRules(rules.state),
    };
  }
}

function reportRules({ version, loadTime }: RulesState): NodeStatusReport['rules'] {
  return { version, loadTime: loadTime.toISOString() };
}

function reportCatalog({ staleness, source, isFollowing, isReloading }: CatalogState): NodeStatusReport['catalog'] {
  return { ageSeconds: Math.round(staleness) / 1000, source, feedConnected: isFollowing, reloading: isReloading };
}

import type { Config } from '../../config/config.ts';
import type { DecisionContext } from '../../data-plane/decision-methods.ts';
import type { RuleBook } from '../../domain/rules/rule-book.ts';
import type { RulesState } from '../../domain/rules/rules-state.ts';
import type { Logger } from '../../interfaces/logger.ts';
import { DEFAULT_ADMIN_BOOK, withDefaultAdminRules } from '../../rules/default-admin-rules.ts';
import { watchRules } from '../../rules/load/watch-rules.ts';
import { watchRoutes } from '../../rules/routes/watch-routes.ts';
import type { Metrics } from '../../telemetry/metrics/metrics.ts';

/** The rules of a node. A reload replaces the book. */
export interface NodeRules {
  readonly book: RuleBook;
  readonly state: RulesState;
}

/** Loads the rules and keeps them up to date. Without a path there are only those that Weir brings. */
export async function startRules(
  { rulesPath, rulesFolder }: Config,
  metrics: Metrics,
  log: Logger,
  resources: AsyncDisposableStack,
): Promise<NodeRules> {
  if (rulesPath === undefined) {
    return { book: DEFAULT_ADMIN_BOOK, state: { files: [], version: '', loadTime: new Date(), failure: undefined } };
  }
  const rules = await watchRules({ rulesPath, folder: rulesFolder, log, onReload: metrics.rules.record });
  resources.defer(() => rules.stop());
  let [loaded, book] = [rules.book, withDefaultAdminRules(rules.book)];
  return {
    get book(): RuleBook {
      // The same object while nothing changes: decisions cache by its identity.
      if (rules.book !== loaded) [loaded, book] = [rules.book, withDefaultAdminRules(rules.book)];
      return book;
    },
    get state() {
      return rules.state;
    },
  };
}

/** Loads the route table and keeps it up to date. Returns undefined if there is none. */
export async function startRoutes(
  { routesPath }: Config,
  metrics: Metrics,
  log: Logger,
  resources: AsyncDisposableStack,
): Promise<DecisionContext['routes']> {
  if (routesPath === undefined) return undefined;
  const routes = await watchRoutes({ routesPath, log, onReload: metrics.routes.record });
  resources.defer(() => routes.stop());
  return routes;
}

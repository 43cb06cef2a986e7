import { readPackageVersion } from '../../commands/package-version.ts';
import type { RatelimitConfig } from '../../config/ratelimit/ratelimit-config.ts';
import type { XdsConfig } from '../../config/ratelimit/xds-settings.ts';
import { EMPTY_RULE_BOOK, type RuleBook } from '../../domain/rules/rule-book.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { RulesFolderOptions } from '../../rules/load/rules-folder.ts';
import { watchRules } from '../../rules/load/watch-rules.ts';
import type { AdsNode } from '../../xds/ads-state.ts';
import { followRules } from '../../xds/follow-rules.ts';

export interface RulesParts {
  readonly log: Logger;
  /** Called after rules were loaded, at the start as well, and whether they are in force. */
  readonly onLoad: (isSuccess: boolean) => void;
  /** Ends a start that waits for rules. */
  readonly signal: AbortSignal;
}

/** The rules of the service. A reload replaces the book. */
export interface Rules {
  readonly book: RuleBook;
}

/**
 * Starts to follow the rules. Waits for those of a server, unless the service starts without rules. Throws InvalidRules if
 * files have faults at the start.
 */
export async function startRules(
  { rules: { source, folder, chargesRejected, quotaMode }, startsWithoutRules }: RatelimitConfig,
  parts: RulesParts,
  resources: AsyncDisposableStack,
): Promise<Rules> {
  const options: RulesFolderOptions = { ...folder, envoyproxy: { chargesRejected, quotaMode } };
  if ('xds' in source) return startXds(source.xds, options, startsWithoutRules, parts, resources);
  const { log, onLoad } = parts;
  const rules = await watchRules({
    rulesPath: source.path,
    folder: options,
    initialBook: startsWithoutRules ? EMPTY_RULE_BOOK : undefined,
    log,
    onReload: onLoad,
  });
  resources.defer(() => rules.stop());
  if (rules.book !== EMPTY_RULE_BOOK) onLoad(true);
  return rules;
}

async function startXds(
  { target, nodeId, nodeMetadata, headers, tls, maxMessageBytes, backoff }: XdsConfig,
  folder: RulesFolderOptions,
  startsWithoutRules: boolean,
  { log, onLoad, signal }: RulesParts,
  resources: AsyncDisposableStack,
): Promise<Rules> {
  const node: AdsNode = {
    id: nodeId,
    metadata: Object.fromEntries(nodeMetadata),
    userAgentName: 'weir',
    userAgentVersionType: { $case: 'userAgentVersion', value: readPackageVersion() },
  };
  const rules = followRules({ target, node, headers, tls, maxMessageBytes, backoff, folder, log, onLoad });
  resources.defer(() => rules.stop());
  if (startsWithoutRules) return rules;
  log.info({ server: target }, 'waiting for rules of the xDS server');
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  await Promise.race([rules.loaded, aborted]);
  return rules;
}

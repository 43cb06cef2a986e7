import { type CatalogReplica, startCatalogReplica } from '../catalog/feed/replica.ts';
import type { OutageOptions } from '../catalog/feed/start-follower.ts';
import { startTrustReplica, type TrustReplica } from '../catalog/feed/trust-replica.ts';
import type { Config } from '../config/config.ts';
import type { DatabaseAccess } from '../database/connection/database-access.ts';
import { isDatabaseUnavailable, isSchemaMissing } from '../database/database-errors.ts';
import { createConsistentReader, openConnection } from '../database/open-connection.ts';
import type { KeyPeppers } from '../domain/credentials/key-peppers.ts';
import type { Logger } from '../interfaces/logger.ts';
import type { Query, ReadConsistently } from '../interfaces/query.ts';
import { firstLine } from '../telemetry/logger.ts';
import type { Readiness } from '../telemetry/readiness.ts';
import { createApiKeyOptions } from './api-key-options.ts';
import { type CatalogSnapshot, openCatalogSnapshot } from './catalog-snapshot.ts';

export interface CatalogParts {
  readonly access: DatabaseAccess;
  readonly readiness: Pick<Readiness, 'waitFor'>;
  readonly log: Logger;
  /** Ends a start that waits for Postgres. */
  readonly signal: AbortSignal;
}

export interface ReplicaParts extends CatalogParts {
  readonly keyPeppers: KeyPeppers;
}

export interface TrustParts extends CatalogParts {
  /** Prepares the database. Called before the first read, and again after it failed. */
  prepare(): Promise<void>;
}

/** A statement of the change feed that takes longer fails and is repeated on a new connection. */
const FEED_TIMEOUT_MS = 5_000;

/**
 * Loads the catalog of the decision process and keeps it up to date, over a connection of its own. Starts from the snapshot
 * in DATA_DIR while Postgres is away, or waits. The first worker keeps the snapshot up to date.
 */
export async function startCatalog(
  config: Config,
  parts: ReplicaParts,
  resources: AsyncDisposableStack,
): Promise<CatalogReplica> {
  const { log } = parts;
  const snapshot = openCatalogSnapshot(config);
  const catalog = await startCatalogReplica({
    ...openFeed(parts, resources),
    ...createApiKeyOptions(parts.keyPeppers, config.acceptsImportedKeys),
    followsDevices: config.devices.registration !== 'off',
    log,
    maxStalenessMs: config.catalogMaxStalenessMs,
    outage: createOutageOptions(config, snapshot, parts),
  });
  resources.defer(() => catalog.stop());
  if (config.worker === 1) snapshot?.keepWriting(() => catalog.exportCatalog(), log, resources);
  return catalog;
}

/**
 * Loads the trusted signers and the revocations for the control process and keeps them up to date, over a connection of
 * their own. Prepares the database first. Starts from the snapshot while Postgres is away, or waits.
 */
export async function startTrust(
  config: Config,
  parts: TrustParts,
  resources: AsyncDisposableStack,
): Promise<TrustReplica> {
  const trust = await startTrustReplica({
    ...openFeed(parts, resources),
    log: parts.log,
    maxStalenessMs: config.catalogMaxStalenessMs,
    prepare: () => parts.prepare(),
    outage: createOutageOptions(config, openCatalogSnapshot(config), parts),
  });
  resources.defer(() => trust.stop());
  return trust;
}

/** A load has a connection of its own, so that an old copy follows the changes meanwhile. */
function openFeed(
  { access }: CatalogParts,
  resources: AsyncDisposableStack,
): { readonly query: Query; readonly readConsistently: ReadConsistently } {
  const options = { ...access, timeoutMs: FEED_TIMEOUT_MS };
  const { query, close } = openConnection(options);
  resources.defer(close);
  return { query, readConsistently: createConsistentReader(options) };
}

/** undefined: the embedded Postgres has started with the node, so an error of it does not go away by itself. */
function createOutageOptions(
  { role }: Config,
  snapshot: CatalogSnapshot | undefined,
  parts: CatalogParts,
): OutageOptions | undefined {
  if (snapshot === undefined) return undefined;
  return {
    isAway: isDatabaseUnavailable,
    isTemporary: (error) => isDatabaseUnavailable(error) || (role === 'decision' && isSchemaMissing(error)),
    readStored: () => snapshot.read(),
    onWait: createWaitReporter(parts),
    signal: parts.signal,
  };
}

/** Logs each reason to wait once, and reports it to readiness probes. */
function createWaitReporter({ log, readiness }: CatalogParts): (error: unknown) => void {
  let reported = '';
  return (error) => {
    if (error === undefined) return readiness.waitFor(undefined);
    const reason = isDatabaseUnavailable(error)
      ? 'waiting for Postgres'
      : 'waiting until a node of the role all or admin has migrated the database';
    readiness.waitFor(reason);
    if (reason === reported) return;
    reported = reason;
    log.warn({ reason: describeFault(error) }, reason);
  };
}

/** The first line of an error's message, or its code: an error about several addresses has no message. */
function describeFault(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return firstLine(error.message) || ('code' in error && typeof error.code === 'string' ? error.code : error.name);
}

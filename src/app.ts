import { type AdminServicesOptions, createAdminServices, createReadOnlyServices } from './admin/admin-services.ts';
import type { UnaryService } from './admin/shared/unary-service.ts';
import type { SigningKeyRing } from './admin/signing-keys/signing-key-ring.ts';
import { startDatabase } from './app/start-database.ts';
import { startAdminPlane, startDecisionPlane, startHttpServer } from './app/start-servers.ts';
import { startTokenSigning, startTokenVerification, type TokenSigning } from './app/start-tokens.ts';
import { type CatalogReplica, startCatalogReplica } from './catalog/feed/replica.ts';
import type { Config } from './config/config.ts';
import { type Counters, openCounters } from './counters/open-counters.ts';
import { createDataPlane } from './data-plane/data-plane.ts';
import type { DecisionContext } from './data-plane/decision-methods.ts';
import { createExplainer } from './data-plane/explainer.ts';
import { createJsonTransport } from './data-plane/json-transport.ts';
import { createQuery, type Database } from './database/open-database.ts';
import { createCallLimit } from './decide/admin/call-limit.ts';
import { createCounterAccess } from './decide/admin/counter-access.ts';
import { EMPTY_RULE_BOOK } from './domain/rules/rule-book.ts';
import { buildPublicKeySet } from './identity/issue-tokens/signing-key.ts';
import { createApiKeyDigester } from './identity/secrets/api-key-secret.ts';
import type { Logger } from './interfaces/logger.ts';
import { watchRules } from './rules/load/watch-rules.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';
import { Readiness } from './telemetry/readiness.ts';
import { startLastUsed } from './usage/last-used.ts';

/*
 * The composition root: the only place that knows all parts. Each part is started here or in app/. It registers with
 * `resources` how to stop it. Parts are stopped in reverse order, so each one can rely on those that it was given.
 */

/** A running service. */
export interface App {
  /**
   * The ports that the servers listen on, also where 0 was configured. A node of the role `admin` has no data plane.
   */
  readonly ports: { readonly decision: number | undefined; readonly admin: number; readonly http: number };
  /** This node's copy of the catalog. */
  readonly catalog: CatalogReplica;
  /** The keys that this node signs tokens with. A node of the role `decision` has none. */
  readonly signingKeys: SigningKeyRing | undefined;
  /** Finishes the calls in progress, then closes everything. */
  stop(): Promise<void>;
}

/** Starts the service. If a part cannot start, closes all others again and rejects. */
export async function buildApp(config: Config, log: Logger): Promise<App> {
  await using resources = new AsyncDisposableStack();
  const metrics = createMetrics(log);
  const readiness = new Readiness();
  const rules = await startRules(config, metrics, log, resources);
  // Early, so that probes get an answer while the database is migrated and the catalog is loaded.
  const http = await startHttpServer(config, metrics, readiness, resources);

  const database = await startDatabase(config, log, resources);
  // Before the catalog, so that the catalog has the signing key from the start.
  const signing = config.role === 'decision' ? undefined : await startTokenSigning(config, database, log, resources);
  const digest = createApiKeyDigester(config.keyPepper);
  const catalog = await startCatalog(config, database, digest, log, resources);
  const lastUsed = startLastUsed({ query: createQuery(database), log });
  resources.defer(() => lastUsed.stop());
  const counters = startCounters(config, metrics, log, resources);
  const { store } = counters;
  const verifier = startTokenVerification(config, { catalog, signing, metrics, log }, resources);

  const context = { catalog, tokens: verifier, rules, requests: config.requests };
  const handler = createDataPlane({
    ...context,
    store,
    answers: config.answers,
    isServing: () => readiness.reasons().length === 0,
    tally: metrics.decisions,
    lastUsed,
    log,
  });
  http.serveKeySet(() => buildPublicKeySet(catalog.trust, Date.now()));
  http.serveJson(createJsonTransport(handler));

  const counterAccess = createCounterAccess(store, rules, catalog);
  const explain = createExplainer({ ...context, counters: counterAccess });
  const calls = createCallLimit(store);
  const parts = { database, catalog, verifier, counters: counterAccess, explain, calls, digest };
  const services = createServices(config, parts, signing);
  const adminPort = await startAdminPlane(config, services, handler, log, resources);
  const decisionPort = await startDecisionPlane(config, handler, log, resources);

  readiness.setDependencies(catalog, counters);
  const ports = { decision: decisionPort, admin: adminPort, http: http.port };
  const countersIn = config.redisUrl === undefined ? 'memory' : 'redis';
  log.info({ ports, role: config.role, counters: countersIn, domains: [...rules.book.keys()] }, 'serving');
  const running = resources.move();
  return {
    ports,
    catalog,
    signingKeys: signing?.keys,
    async stop() {
      readiness.beginShutdown();
      await running.disposeAsync();
    },
  };
}

/** Loads the rules and keeps them up to date. Without a path there are none. */
async function startRules(
  { rulesPath, rulesFolder }: Config,
  metrics: Metrics,
  log: Logger,
  resources: AsyncDisposableStack,
): Promise<DecisionContext['rules']> {
  if (rulesPath === undefined) return { book: EMPTY_RULE_BOOK };
  const rules = await watchRules({ rulesPath, folder: rulesFolder, log, onReload: metrics.recordRulesReload });
  resources.defer(() => rules.stop());
  return rules;
}

/** Loads this node's copy of the catalog and keeps it up to date. */
async function startCatalog(
  { formerKeyPeppers, catalogMaxStalenessMs }: Config,
  database: Database,
  digest: (secret: string) => string,
  log: Logger,
  resources: AsyncDisposableStack,
): Promise<CatalogReplica> {
  const catalog = await startCatalogReplica({
    query: createQuery(database),
    digest,
    formerDigests: formerKeyPeppers.map((pepper) => createApiKeyDigester(pepper)),
    log,
    maxStalenessMs: catalogMaxStalenessMs,
  });
  resources.defer(() => catalog.stop());
  return catalog;
}

function startCounters(
  { redisUrl, redisAccess, redisDeadlineMs }: Config,
  { recordBreaker, recordLiveNodes }: Metrics,
  logger: Logger,
  resources: AsyncDisposableStack,
): Counters {
  const counters = openCounters({
    redisUrl,
    redisAccess,
    redisDeadlineMs,
    logger,
    onBreaker: recordBreaker,
    onLiveNodes: recordLiveNodes,
  });
  resources.defer(() => counters.close());
  return counters;
}

type ServiceParts = Omit<
  AdminServicesOptions,
  'signingKeys' | 'insecureHosts' | 'accessTokenSeconds' | 'refreshTokenSeconds'
>;

/** Creates the services of the admin API. A node that does not sign only reads, so it has only the reading ones. */
function createServices(
  { tokens: { accessTokenSeconds, refreshTokenSeconds }, insecureHttpIssuerHosts: insecureHosts }: Config,
  parts: ServiceParts,
  signing: TokenSigning | undefined,
): readonly UnaryService[] {
  if (signing === undefined) return createReadOnlyServices(parts);
  const sessions = { accessTokenSeconds, refreshTokenSeconds };
  return createAdminServices({ ...parts, signingKeys: signing.keys, insecureHosts, ...sessions });
}

import { type AdminServicesOptions, createAdminServices, createReadOnlyServices } from './admin/admin-services.ts';
import { startAdminServer } from './admin/server/admin-server.ts';
import { type SigningKeyRing, startSigningKeyRing } from './admin/signing-keys/signing-key-ring.ts';
import { startPruning } from './catalog/feed/prune.ts';
import { type RunningCatalog, startCatalog } from './catalog/feed/replica.ts';
import type { Address, Config } from './config/config.ts';
import { type Counters, openCounters } from './counters/open-counters.ts';
import { createDataPlane } from './data-plane/data-plane.ts';
import { DECISION_PATHS, type DecisionContext } from './data-plane/decision-methods.ts';
import { createExplainer } from './data-plane/explainer.ts';
import { createJsonTransport } from './data-plane/json-transport.ts';
import { startEmbeddedPostgres } from './database/embedded/embedded-postgres.ts';
import { migrate, revertLastMigration } from './database/migrate.ts';
import { createQuery, type Database, openDatabase } from './database/open-database.ts';
import { seed } from './database/seed.ts';
import { createCallLimit } from './decide/admin/call-limit.ts';
import { createCounterAccess } from './decide/admin/counter-access.ts';
import { EMPTY_RULE_BOOK } from './domain/rules/rule-book.ts';
import { startOperationsServer } from './http/operations-server.ts';
import { publicKeySet } from './identity/issue-tokens/public-keys.ts';
import { createSealer, type Sealer } from './identity/issue-tokens/key-sealer.ts';
import { apiKeyDigest } from './identity/secrets/api-key-secret.ts';
import { hashPassword } from './identity/secrets/password.ts';
import { loadOrCreateSecret } from './identity/secrets/secret-file.ts';
import { TokenVerifier, type TokenVerifierParts } from './identity/verify-tokens/caching-token-verifier.ts';
import { watchRules } from './rules/load/watch-rules.ts';
import type { Logger } from './telemetry/logger.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';
import { Readiness } from './telemetry/readiness.ts';
import { startHttp2GrpcServer } from './transport/grpc-http2/http2-grpc-server.ts';
import type { BatchHandler } from './transport/unary-call.ts';
import { startLastUsed } from './usage/last-used.ts';

/** A service that is up. */
export interface App {
  /** The port of each address, the real one where 0 was asked for. An admin node has no data plane. */
  readonly ports: { readonly decision: number | undefined; readonly admin: number; readonly http: number };
  /** Finishes what is under way, closes everything in the order opposite to the start. */
  stop(): Promise<void>;
}

/** ms that calls under way have to finish in, once it stops. */
const DRAIN_MS = 10_000;
/**
 * On the data plane, at up to 20 KB each while idle (docs/benchmarks.md): 200 MB. An Envoy opens one for each of its
 * workers and of the clusters that it asks through, so that this is 600 Envoys of 8 workers with both filters.
 */
const MOST_CONNECTIONS = 10_000;

const FIRST_ADMIN_EMAIL = 'admin@example.com';

type Stack = AsyncDisposableStack;

/** Puts the parts together and starts them; rejects, with everything closed again, when one cannot start. */
export async function buildApp(config: Config, log: Logger): Promise<App> {
  await using started = new AsyncDisposableStack();
  const metrics = createMetrics();
  const rules = await startRules(config, log, metrics, started);
  const readiness = new Readiness();
  const http = await listening(
    'HTTP_ADDRESS',
    startOperationsServer(config.httpAddress, metrics, () => readiness.reasons()),
  );
  started.defer(() => http.stop());

  const digest = apiKeyDigest(config.keyPepper);
  const formerDigests = config.formerKeyPeppers.map((pepper) => apiKeyDigest(pepper));
  const database = await openCurrentDatabase(config, log, started);
  const signing = config.role === 'decision' ? undefined : await openSigningKeys(config, database, log, started);
  const catalog = await startCatalog({ ...config, query: createQuery(database), digest, formerDigests, log });
  started.defer(() => catalog.stop());
  const lastUsed = startLastUsed({ query: createQuery(database), log });
  started.defer(() => lastUsed.stop());
  const counters = startCounters(config, log, metrics, started);
  const { store } = counters;

  const tokens = startTokenVerifier(config, catalog, signing?.sealer, metrics, log, started);
  const knowledge = { catalog, tokens, rules, requests: config.requests };
  const handler = createDataPlane({
    ...knowledge,
    store,
    answers: config.answers,
    isServing: () => readiness.reasons().length === 0,
    tally: metrics.decisions,
    lastUsed,
    log,
  });
  http.serveKeySet(() => publicKeySet(catalog.trust, Date.now()));
  http.serveJson(createJsonTransport(handler));
  const access = createCounterAccess(store, rules, catalog);
  const explain = createExplainer({ ...knowledge, counters: access });
  const known = { catalog, counters: access, explain, calls: createCallLimit(store), digest };
  const services = servicesOf(config, signing?.keys, { ...known, database, verifier: tokens });
  const dataPlane = { paths: DECISION_PATHS, handler };
  const adminOptions = { address: written(config.adminAddress), services, dataPlane, log };
  const admin = await listening('ADMIN_ADDRESS', startAdminServer(adminOptions));
  started.defer(() => admin.stop());
  const decisionPort = config.role === 'admin' ? undefined : await startDataPlane(config, handler, log, started);

  readiness.setDependencies(catalog, counters);
  const ports = { decision: decisionPort, admin: portOf(admin.address), http: http.port };
  const countersIn = config.redisUrl === undefined ? 'memory' : 'redis';
  log.info({ ports, role: config.role, counters: countersIn, domains: [...rules.book.keys()] }, 'serving');
  const all = started.move();
  return {
    ports,
    async stop() {
      readiness.beginShutdown();
      await all.disposeAsync();
    },
  };
}

/** Brings the schema up to date, or takes its newest migration back, and ends. */
export async function migrateDatabase(config: Config, log: Logger, direction: 'up' | 'down'): Promise<void> {
  await using started = new AsyncDisposableStack();
  const database = await openConfiguredDatabase(config, log, started);
  await (direction === 'up' ? migrate(database) : revertLastMigration(database));
  log.info({ direction }, 'migrated');
}

async function openConfiguredDatabase(config: Config, log: Logger, started: Stack): Promise<Database> {
  let url = config.databaseUrl;
  if (url === undefined) {
    const postgres = await startEmbeddedPostgres({ dataFolder: config.dataDir, log });
    started.defer(() => postgres.stop());
    url = postgres.url;
  }
  const database = await openDatabase({ url });
  started.defer(() => database.close(true));
  return database;
}

function startCounters(config: Config, logger: Logger, metrics: Metrics, started: Stack): Counters {
  const { recordBreaker: onBreaker, recordLiveNodes: onLiveNodes } = metrics;
  const counters = openCounters({ ...config, logger, onBreaker, onLiveNodes });
  started.defer(() => counters.close());
  return counters;
}

async function startRules(
  config: Config,
  log: Logger,
  metrics: Metrics,
  started: Stack,
): Promise<DecisionContext['rules']> {
  if (config.rulesPath === undefined) return { book: EMPTY_RULE_BOOK };
  const rules = await watchRules({ rulesPath: config.rulesPath, log, onReload: metrics.recordRulesReload });
  started.defer(() => rules.stop());
  return rules;
}

/** The catalog's database, embedded if no other is named, with the schema and first entries that this version needs. */
async function openCurrentDatabase(config: Config, log: Logger, started: Stack): Promise<Database> {
  const database = await openConfiguredDatabase(config, log, started);
  if (config.role === 'decision') return database;
  await migrate(database);
  const email = config.adminEmail ?? FIRST_ADMIN_EMAIL;
  const admin = { email, password: config.adminPassword };
  const { generatedPassword } = await seed(database, { admin, hashPassword });
  if (generatedPassword !== undefined) showFirstAdministrator(email, generatedPassword);
  const stopPruning = startPruning(createQuery(database), log);
  started.defer(stopPruning);
  return database;
}

/** To the terminal and not to the log: nobody will ever be told again, and logs are kept and sent around. */
function showFirstAdministrator(email: string, password: string): void {
  process.stderr.write(
    `\n  The first administrator, shown this once:\n    email:    ${email}\n    password: ${password}\n\n`,
  );
}

async function startDataPlane(config: Config, handler: BatchHandler, log: Logger, started: Stack): Promise<number> {
  const { decisionAddress: address, decisionTls: tls } = config;
  const options = { address, maxConnections: MOST_CONNECTIONS, handler, log, ...(tls !== undefined && { tls }) };
  const server = await listening('DECISION_ADDRESS', startHttp2GrpcServer(options));
  started.defer(() => server.stop({ graceMs: DRAIN_MS }));
  return server.address.port;
}

/** What signs tokens of our own; before the catalog is read, so that what signs is known. */
async function openSigningKeys(config: Config, database: Database, log: Logger, started: Stack): Promise<Signing> {
  const { algorithm, keyRotationSeconds: rotationSeconds, accessTokenSeconds } = config.tokens;
  const sealer = createSealer(config.signingKeySecret ?? (await loadOrCreateSecret(config.dataDir, log)));
  const keys = await startSigningKeyRing({ database, sealer, algorithm, rotationSeconds, accessTokenSeconds, log });
  started.defer(() => keys.stop());
  return { keys, sealer };
}

interface Signing {
  readonly keys: SigningKeyRing;
  readonly sealer: Sealer;
}

/** A node that does not sign opens keys only where it has been told the secret; it needs that for HS256 alone. */
function startTokenVerifier(
  { signingKeySecret }: Config,
  trusted: RunningCatalog,
  signingSealer: Sealer | undefined,
  { recordRejectedToken: onRefused }: Metrics,
  log: Logger,
  started: Stack,
): TokenVerifier {
  const sealer = signingSealer ?? (signingKeySecret === undefined ? undefined : createSealer(signingKeySecret));
  const openKey: TokenVerifierParts['openKey'] = (key) =>
    key.sealedJwk === undefined ? undefined : sealer?.open(key, key.sealedJwk);
  const verifier = new TokenVerifier({ trusted, openKey, log, onRefused });
  started.defer(() => verifier.close());
  return verifier;
}

/** A decision node, which signs nothing, only reads: whoever wants to change something asks a node that may. */
function servicesOf(
  { tokens: { accessTokenSeconds, refreshTokenSeconds } }: Config,
  signingKeys: SigningKeyRing | undefined,
  parts: Omit<AdminServicesOptions, 'signingKeys' | 'accessTokenSeconds' | 'refreshTokenSeconds'>,
) {
  if (signingKeys === undefined) return createReadOnlyServices(parts);
  return createAdminServices({ ...parts, signingKeys, accessTokenSeconds, refreshTokenSeconds });
}

/** Names the variable where a server cannot start: mostly another process has its port. */
async function listening<Server>(variable: string, starting: Promise<Server>): Promise<Server> {
  try {
    return await starting;
  } catch (error) {
    throw new Error(`${variable}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function written({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function portOf(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

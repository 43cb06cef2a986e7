import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AdminServicesOptions,
  createAdminServices,
  createReadOnlyServices,
  type ReadOnlyServicesOptions,
} from './admin/admin-services.ts';
import { createDecisionAuthorization } from './admin/callers/authorize-decisions.ts';
import { ConnectApi } from './admin/connect/connect-api.ts';
import type { UnaryService } from './admin/methods/unary-service.ts';
import type { SigningKeyRing } from './admin/signing-keys/signing-key-ring.ts';
import { createApiKeyOptions } from './app/api-key-options.ts';
import { createAskedParts } from './app/control/ask-decisions.ts';
import { checkAddresses } from './app/control/check-addresses.ts';
import { createQuotaHandler } from './app/control/create-quota-handler.ts';
import { createStateReaders } from './app/control/create-state-readers.ts';
import { createTokenSigning, type TokenSigning } from './app/control/create-token-signing.ts';
import { createAdminCallLimiter } from './app/control/limit-admin-calls.ts';
import { NodeState } from './app/control/node-state.ts';
import { startAdminPlane, toContextOptions } from './app/control/start-admin-plane.ts';
import { type HttpPorts, startHttpServers } from './app/control/start-http-servers.ts';
import { startRequestLog } from './app/control/start-request-log.ts';
import { resolveKeyPeppers } from './app/secrets/resolve-key-peppers.ts';
import { startTrust } from './app/start-catalog.ts';
import { createPreparation, openConfiguredDatabase } from './app/start-database.ts';
import { startTokenVerification } from './app/start-token-verification.ts';
import { type StartedTracing, startTracing } from './app/start-tracing.ts';
import { startWriterJobs } from './app/writer/start-writer-jobs.ts';
import type { TrustReplica } from './catalog/feed/trust-replica.ts';
import { readPackageVersion } from './commands/package-version.ts';
import type { Config } from './config/config.ts';
import { createMessageCheck } from './data-plane/check-message.ts';
import { createJsonTransport } from './data-plane/json-transport.ts';
import { buildPublicKeySet } from './identity/issue-tokens/signing-key.ts';
import { countPasswordHashes } from './identity/secrets/password.ts';
import { createTextSealer } from './identity/secrets/text-sealer.ts';
import type { Logger } from './interfaces/logger.ts';
import { createControlMetrics } from './telemetry/metrics/control-metrics.ts';
import { registerWorkersMetric } from './telemetry/metrics/parts/node-metrics.ts';
import { NodeStatus } from './telemetry/node-status.ts';
import { Readiness } from './telemetry/readiness.ts';
import type { DecisionSettings, Decisions, PrepareDecisions, StartedDecisions } from './workers/decisions.ts';
import { forwardCalls } from './workers/forward-calls.ts';

/*
 * The composition of the control process: the admin API, HTTP, and the process that decides, which it starts. Only this
 * file, app/ and main.ts know all parts. Each part is started here or in app/. It registers with `resources` how to stop
 * it. Parts are stopped in reverse order, so each one can rely on those that it was given.
 */

/** A running service. */
export interface App {
  /**
   * The ports that the servers listen on, also where 0 was configured. A node of the role `admin` has no data plane.
   */
  readonly ports: HttpPorts & {
    readonly decision: number | undefined;
    readonly admin: number;
    /** undefined: the request log is off. */
    readonly requestLog: number | undefined;
  };
  /** The issuers, keys and revocations that the admin API verifies tokens by. */
  readonly trust: TrustReplica;
  /** The keys that this node signs tokens with. A node of the role `decision` has none. */
  readonly signingKeys: SigningKeyRing | undefined;
  /** Finishes the calls in progress, then closes everything. */
  stop(): Promise<void>;
}

/**
 * Starts the service. `prepareDecisions` starts the part that decides. If a part cannot start, closes all others again
 * and rejects. `signal` does so while it waits for Postgres. `countDroppedLines` returns how many lines the log lacks.
 */
export async function buildApp(
  config: Config,
  log: Logger,
  prepareDecisions: PrepareDecisions,
  signal: AbortSignal = new AbortController().signal,
  countDroppedLines = () => 0,
): Promise<App> {
  await using resources = new AsyncDisposableStack();
  const metrics = createControlMetrics(readPackageVersion(), { countPasswordHashes, countDroppedLines });
  registerWorkersMetric(metrics.registry, config.role === 'admin' ? 0 : config.workers);
  const tracing = await startTracing(config, 'control', metrics.registry, resources);
  const decisions = await prepareDecisions(config, log);
  resources.defer(() => decisions.stop());
  const readiness = new Readiness();
  const status = new NodeStatus({ version: readPackageVersion(), role: config.role }, readiness);
  const state = new NodeState(status, metrics);
  // Early, so that probes get an answer while the database is migrated and the catalog is loaded.
  const http = await startHttpServers(config, { sources: state, listeners: metrics.listeners, log }, resources);
  await checkAddresses(config);
  const observers = { onPool: metrics.onPool, onQuery: metrics.recordQuery, isTraced: tracing !== undefined };
  const { database, access, isNewCluster } = await openConfiguredDatabase(config, log, resources, observers);
  const keyPeppers = await resolveKeyPeppers(config, isNewCluster, log);
  resources.defer(() => decisions.stop()); // before the database closes
  const signing = config.role === 'decision' ? undefined : await createTokenSigning(config, database, log, resources);
  const signingKeySecret = signing?.secret ?? config.signingKeySecret;
  const prepare = createPreparation(config, { database, access, signingKeys: signing?.keys, log }, resources);
  // Before the decisions, because it prepares the database. They then have the signing key from the start.
  const trust = await startTrust(config, { access, prepare, readiness, log, signal }, resources);
  const settings = { databaseUrl: access.url, signingKeySecret, keyPeppers };
  const { port, decisionPort, domains } = await startDecisions(decisions, settings, signal);
  const tokenParts = { trustSource: trust, signingKeySecret, startsLazily: true, metrics, log };
  const verifier = startTokenVerification(config, tokenParts, resources);
  const decide = forwardCalls(port, createMessageCheck(config.requests));
  http.keySet.serve(() => buildPublicKeySet(trust.trust, Date.now()));
  http.json.handleWith(createJsonTransport(decide));

  const apiKeys = createApiKeyOptions(keyPeppers, config.acceptsImportedKeys);
  const parts = { ...createAskedParts(port, trust), database, access, catalog: trust, verifier, ...apiKeys, log };
  http.quota.handleWith(createQuotaHandler(parts, toContextOptions(config), log));
  const callEvents = signing && startWriterJobs(config, { ...parts, signing, metrics, stripe: http.stripe }, resources);
  const planes = new AsyncDisposableStack();
  resources.defer(() => planes.disposeAsync());
  const { recordCall, recordSignIn, listeners } = metrics;
  const readers = createStateReaders(config, state, port);
  const services = createServices(config, { ...parts, ...readers, recordSignIn }, signing);
  // Nodes that share their counters share the pepper or, without one, the database.
  const limiter = createAdminCallLimiter({ ...parts, port, metrics, secret: keyPeppers.current || access.url });
  const guards = { authorize: createDecisionAuthorization(parts), callEvents, limiter, tracer: tracing?.tracer };
  const others = { ...guards, recordCall, listeners, decide, isServing: () => state.isServing() };
  const admin = await startAdminPlane(config, services, others, log, planes);
  http.api?.handleWith(new ConnectApi(admin.calls, log));
  if (signing !== undefined) http.console?.sealWith(createTextSealer(signing.secret, 'console session'));
  planes.defer(() => http.api?.stop({ graceMs: config.shutdown.drainMs }));
  const requestLog = await startRequestLog(config, { database, metrics, log }, planes);

  readiness.finishStart(trust);
  state.observe(port, signing && callEvents && { signingKeys: signing.keys, callEvents });
  const ports = { decision: decisionPort, admin: admin.port, requestLog, ...http.ports };
  log.info({ ports, role: config.role, counters: config.redisUrl ? 'redis' : 'memory', domains }, 'serving');
  const stop = createStop(config, { readiness, decisions, planes, tracing, running: resources.move() });
  return { ports, trust, signingKeys: signing?.keys, stop };
}

interface StoppableParts {
  readonly readiness: Readiness;
  readonly decisions: Decisions;
  readonly planes: AsyncDisposableStack;
  readonly tracing: StartedTracing | undefined;
  /** Everything, the planes included. */
  readonly running: AsyncDisposableStack;
}

function createStop(
  { shutdown }: Config,
  { readiness, decisions, planes, tracing, running }: StoppableParts,
): App['stop'] {
  return async () => {
    readiness.beginShutdown();
    const drained = decisions.drain();
    await sleep(shutdown.delayMs);
    // Calls of the admin API may still ask the process that decides while it finishes its own.
    await Promise.all([planes.disposeAsync(), drained]);
    void tracing?.stop();
    await running.disposeAsync();
  };
}

/** Starts the part that decides. `signal` ends the start, which then rejects. */
async function startDecisions(
  decisions: Decisions,
  settings: DecisionSettings,
  signal: AbortSignal,
): Promise<StartedDecisions> {
  signal.throwIfAborted();
  const stop = () => void decisions.stop().catch(() => {}); // buildApp stops it again, and then an error counts
  signal.addEventListener('abort', stop);
  try {
    return await decisions.start(settings);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

type ServiceParts = Omit<ReadOnlyServicesOptions, 'insecureHosts' | 'privateHosts'> &
  Pick<AdminServicesOptions, 'recordSignIn'>;

/** Creates the services of the admin API. A node that does not sign only reads, so it has only the reading ones. */
function createServices(
  {
    tokens: { accessTokenSeconds, refreshTokenSeconds, sessionMaxSeconds },
    insecureHttpIssuerHosts: insecureHosts,
    privateIssuerHosts: privateHosts,
    registration,
    webhookPrivateHosts,
  }: Config,
  parts: ServiceParts,
  signing: TokenSigning | undefined,
): readonly UnaryService[] {
  const reading = { ...parts, insecureHosts, privateHosts };
  if (signing === undefined) return createReadOnlyServices(reading);
  return createAdminServices({
    ...reading,
    accessTokenSeconds,
    refreshTokenSeconds,
    sessionMaxSeconds,
    registration,
    webhookPrivateHosts,
    signingKeys: signing.keys,
    totpSealer: createTextSealer(signing.secret, 'totp secret'),
    eventSealer: createTextSealer(signing.secret, 'event secret'),
    webhookSealer: createTextSealer(signing.secret, 'webhook secret'),
    isSealingSecretShared: signing.isSecretShared,
  });
}

import { startAdminServer } from '../admin/server/admin-server.ts';
import type { UnaryService } from '../admin/shared/unary-service.ts';
import type { Address, Config } from '../config/config.ts';
import { DECISION_PATHS } from '../data-plane/decision-methods.ts';
import { HEALTH_NAMES } from '../data-plane/health.ts';
import { type OperationsServer, startOperationsServer } from '../http/operations-server.ts';
import type { Logger } from '../interfaces/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Readiness } from '../telemetry/readiness.ts';
import { startHttp2GrpcServer } from '../transport/grpc-http2/http2-grpc-server.ts';
import type { BatchHandler } from '../transport/unary-call.ts';

/** Time that calls in progress have to finish once the service stops. */
const DRAIN_TIMEOUT_MS = 10_000;
/**
 * Connections of the data plane. An idle one takes up to 20 KB (docs/benchmarks.md), so all of them take 200 MB. Each
 * worker of an Envoy opens one for each of its clusters that lead here, so this is 600 Envoys with 8 workers and both
 * filters.
 */
const MAX_DECISION_CONNECTIONS = 10_000;

/** Starts the server for probes, metrics and JSON. */
export async function startHttpServer(
  config: Config,
  metrics: Metrics,
  readiness: Readiness,
  resources: AsyncDisposableStack,
): Promise<OperationsServer> {
  const server = await nameVariable(
    'HTTP_ADDRESS',
    startOperationsServer(config.httpAddress, metrics, () => readiness.reasons()),
  );
  resources.defer(() => server.stop());
  return server;
}

/** Starts the admin plane, which also serves the methods of the data plane. Returns its port. */
export async function startAdminPlane(
  config: Config,
  services: readonly UnaryService[],
  handler: BatchHandler,
  log: Logger,
  resources: AsyncDisposableStack,
): Promise<number> {
  const dataPlane = { paths: DECISION_PATHS, handler, healthNames: HEALTH_NAMES };
  const address = formatAddress(config.adminAddress);
  const server = await nameVariable('ADMIN_ADDRESS', startAdminServer({ address, services, dataPlane, log }));
  resources.defer(() => server.stop());
  return parsePort(server.address);
}

/** Starts the server of the data plane. Returns its port; undefined on a node of the role `admin`, which has none. */
export async function startDecisionPlane(
  { role, decisionAddress: address, decisionTls: tls, maxConnectionAgeMs }: Config,
  handler: BatchHandler,
  log: Logger,
  resources: AsyncDisposableStack,
): Promise<number | undefined> {
  if (role === 'admin') return undefined;
  const options = { address, maxConnections: MAX_DECISION_CONNECTIONS, maxConnectionAgeMs, handler, log };
  const server = await nameVariable(
    'DECISION_ADDRESS',
    startHttp2GrpcServer({ ...options, ...(tls !== undefined && { tls }) }),
  );
  resources.defer(() => server.stop({ graceMs: DRAIN_TIMEOUT_MS }));
  return server.address.port;
}

/** Names the variable in the error of a server that cannot start. Mostly another process uses its port. */
async function nameVariable<Server>(variable: string, starting: Promise<Server>): Promise<Server> {
  try {
    return await starting;
  } catch (error) {
    throw new Error(`${variable}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function parsePort(address: string): number {
  return Number(address.slice(address.lastIndexOf(':') + 1));
}

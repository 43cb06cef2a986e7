import type { Config } from '../../config/config.ts';
import { clientNetwork } from '../../domain/credentials/client-network.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { ListenerMetrics } from '../../telemetry/metrics/parts/listener-metrics.ts';
import { startHttp2GrpcServer } from '../../transport/grpc-http2/http2-grpc-server.ts';
import type { BatchHandler } from '../../transport/unary-call.ts';
import { openDistributedListener } from '../../workers/pool/distributed-listener.ts';
import { nameVariable } from '../name-variable.ts';

/**
 * Connections of the data plane in each process that decides. An idle one takes up to 20 KB (docs/benchmarks.md), so all of
 * them take 200 MB. Each worker of an Envoy opens one for each of its clusters that lead here, so this is 600 Envoys with 8
 * workers and both filters.
 */
const MAX_DECISION_CONNECTIONS = 10_000;

interface DecisionPlaneParts {
  readonly handler: BatchHandler;
  /** Aborted when the node begins to leave. */
  readonly leaving: AbortSignal;
  readonly listeners: ListenerMetrics;
  readonly log: Logger;
}

/** Starts the server of the data plane. Returns its port; undefined on a node of the role `admin`, which has none. */
export async function startDecisionPlane(
  { role, decisionAddress: address, workers, tls, maxConnectionAgeMs, shutdown }: Config,
  { handler, leaving, listeners, log }: DecisionPlaneParts,
  resources: AsyncDisposableStack,
): Promise<number | undefined> {
  if (role === 'admin') return undefined;
  const decisionTls = listeners.observeTls('decision', tls.decision);
  const options = {
    address,
    ...(workers > 1 && { openListener: openDistributedListener }),
    networkOf: clientNetwork,
    maxConnections: MAX_DECISION_CONNECTIONS,
    maxConnectionAgeMs,
  };
  const server = await nameVariable(
    'DECISION_ADDRESS',
    startHttp2GrpcServer({ ...options, tls: decisionTls, leaving, handler, log }),
  );
  listeners.add('decision', server);
  resources.defer(() => server.stop({ graceMs: shutdown.drainMs }));
  return server.address.port;
}

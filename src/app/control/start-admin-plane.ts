import type { AuthorizeDecisions } from '../../admin/callers/authorize-decisions.ts';
import type { AdminCallLimiter } from '../../admin/limits/limit-calls.ts';
import type { CallContextOptions } from '../../admin/methods/call-context.ts';
import type { UnaryService } from '../../admin/methods/unary-service.ts';
import { AdminCalls, type AdminCallsOptions } from '../../admin/server/admin-calls.ts';
import { startAdminServer } from '../../admin/server/admin-server.ts';
import { authorizeCalls, type CallAuthorization } from '../../admin/server/authorize-calls.ts';
import type { Config } from '../../config/config.ts';
import { DECISION_PATHS } from '../../data-plane/decision-methods.ts';
import { acceptHealthCall, HEALTH_NAMES, HEALTH_PATHS, replyHealth } from '../../data-plane/health.ts';
import { REFLECTED_SERVICES, REFLECTION_PATHS, Reflection, TOO_MANY_REQUESTS } from '../../data-plane/reflection.ts';
import { clientNetwork } from '../../domain/credentials/client-network.ts';
import { isLoopbackHost } from '../../domain/loopback-host.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { ListenerMetrics } from '../../telemetry/metrics/parts/listener-metrics.ts';
import {
  type BatchHandler,
  GrpcStatus,
  type NetworkBatchHandler,
  type NetworkCall,
} from '../../transport/unary-call.ts';
import { nameVariable } from '../name-variable.ts';
import { NetworkBudgets } from './network-budgets.ts';

/** grpcurl needs a few answers for each command, and scripts run many commands. */
const REFLECTION_ANSWERS = { burst: 2_000, perSecond: 500 };
/** Those of one client: an IPv4 address or an IPv6 network of 64 bits. */
const REFLECTION_ANSWERS_PER_NETWORK = { burst: 500, perSecond: 100 };

/** Messages in the details of errors. Their file also defines BadRequest and RetryInfo. */
const ERROR_DETAILS = ['google.rpc.ErrorInfo'];

/** Methods of the admin plane that are not of the admin API. */
interface OtherMethods {
  /** Answers the methods of the data plane that decide. */
  readonly decide: NetworkBatchHandler;
  /** Whether health checks report SERVING. Never rejects. */
  readonly isServing: () => Promise<boolean>;
}

interface AdminPlaneMethods
  extends Pick<OtherMethods, 'isServing'>,
    Pick<AdminCallsOptions, 'callEvents' | 'recordCall' | 'tracer'> {
  readonly listeners: ListenerMetrics;
  /** Answers the methods of the data plane that decide, for every caller. */
  readonly decide: BatchHandler;
  readonly authorize: AuthorizeDecisions;
  readonly limiter: AdminCallLimiter;
}

/** How the calls of clients other than Envoy are read. */
export function toContextOptions({ trustedProxies, requests: { deviceHeader } }: Config): CallContextOptions {
  return { trustedProxies, deviceHeader };
}

/** A started admin plane. */
interface AdminPlane {
  readonly port: number;
  /** Answers the calls of the admin API, also for other transports. */
  readonly calls: AdminCalls;
}

/**
 * Starts the admin plane, which also serves the methods of the data plane: to everybody while it listens on this machine
 * alone, else to callers that `authorize` accepts, within the limits of the admin API.
 */
export async function startAdminPlane(
  config: Config,
  services: readonly UnaryService[],
  { decide, isServing, authorize, callEvents, recordCall, tracer, limiter, listeners }: AdminPlaneMethods,
  log: Logger,
  resources: AsyncDisposableStack,
): Promise<AdminPlane> {
  const { adminAddress: address, tls, shutdown } = config;
  const contexts = toContextOptions(config);
  const authorizeCall: CallAuthorization['authorize'] = (path, context) =>
    limiter.limitCall(path, context, () => authorize(context));
  const guarding = { authorize: authorizeCall, contexts, log };
  const guarded = isLoopbackHost(address.host) ? decide : authorizeCalls(decide, guarding);
  const limitCalls = (service: UnaryService) => limiter.limitService(service);
  const calls = new AdminCalls({ services, contexts, limitCalls, callEvents, recordCall, tracer, log });
  const handleOther = handleOtherMethods(listServiceNames(services), { decide: guarded, isServing });
  const adminTls = listeners.observeTls('admin', tls.admin);
  const server = await nameVariable(
    'ADMIN_ADDRESS',
    startAdminServer({ address, tls: adminTls, calls, handleOther, log }),
  );
  listeners.add('admin', server);
  resources.defer(() => server.stop({ graceMs: shutdown.drainMs }));
  return { port: server.address.port, calls };
}

/** Lists the full names of the services that this node does not lack. */
function listServiceNames(services: readonly UnaryService[]): readonly string[] {
  const served = services.filter(({ isLacking }) => isLacking !== true);
  const paths = served.flatMap(({ definition }) => Object.values(definition).map(({ path }) => path));
  return [...new Set(paths.map((path) => path.slice(1, path.lastIndexOf('/'))))];
}

/** Creates the handler for decisions, health checks and reflection. `adminServices` are full names. */
export function handleOtherMethods(
  adminServices: readonly string[],
  { decide, isServing }: OtherMethods,
): NetworkBatchHandler {
  const healthNames = [...HEALTH_NAMES, ...adminServices];
  const services = [...REFLECTED_SERVICES, ...adminServices];
  const reflection = new Reflection({ services, messages: ERROR_DETAILS, answers: REFLECTION_ANSWERS });
  const reflectionBudgets = new NetworkBudgets(REFLECTION_ANSWERS_PER_NETWORK);
  return (calls) => {
    const decisions: NetworkCall[] = [];
    for (const call of calls) {
      if (DECISION_PATHS.includes(call.path)) decisions.push(call);
      else if (HEALTH_PATHS.includes(call.path)) {
        if (acceptHealthCall(call, healthNames)) {
          void isServing().then((serving) => replyHealth(call, healthNames, serving));
        }
      } else if (REFLECTION_PATHS.includes(call.path)) {
        if (reflectionBudgets.spend(clientNetwork(call.peer), performance.now())) reflection.answer(call);
        else call.fail(GrpcStatus.RESOURCE_EXHAUSTED, TOO_MANY_REQUESTS);
      } else call.fail(GrpcStatus.UNIMPLEMENTED, `no such method: ${call.path}`);
    }
    if (decisions.length > 0) decide(decisions);
  };
}

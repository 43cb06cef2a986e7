import { randomUUID } from 'node:crypto';
import type { handleUnaryCall, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { DECISION_PATHS } from '../../data-plane/decision-methods.ts';
import type { CallContext } from '../../interfaces/call-context.ts';
import type { Logger } from '../../interfaces/logger.ts';
import { createServer, listen, type RunningServer } from '../../transport/grpc-js/grpc-js-server.ts';
import { rawServices, requestIdOf } from '../../transport/grpc-js/raw-services.ts';
import type { BatchHandler } from '../../transport/unary-call.ts';
import { errorStatus, isInternalError, rejectionReason } from './error-status.ts';
import { createReflectionService } from './reflection.ts';

/** A service, by its definition from ts-proto, and a handler for each of its methods. */
export interface UnaryService {
  readonly definition: object;
  readonly handlers: Readonly<Record<string, (request: never, context: CallContext) => Promise<unknown>>>;
}

export interface AdminServerOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly address: string;
  readonly services: readonly UnaryService[];
  /** Answers Authorization and RateLimitService, which the admin plane serves too. */
  readonly dataPlane: BatchHandler;
  readonly log: Logger;
}

/** The admin plane: the services given, the data plane's, health and reflection. Rejects when it cannot listen. */
export async function startAdminServer(options: AdminServerOptions): Promise<RunningServer> {
  const { address, services, dataPlane, log } = options;
  const created = createServer();
  for (const service of services) {
    created.server.addService(service.definition as ServiceDefinition, implement(service, log)); // ts-proto's const object is one, if not by type
  }
  for (const { definition, implementation } of rawServices(DECISION_PATHS, dataPlane)) {
    created.server.addService(definition, implementation);
  }
  createReflectionService().addToServer(created.server);
  return listen(created, address);
}

/** grpc-js gives `address:port`, without brackets around an IPv6 address, and `unknown` once the connection is gone. */
function addressOf(peer: string): string {
  const end = peer.lastIndexOf(':');
  return end < 0 ? peer : peer.slice(0, end);
}

/** These change nothing, and are not worth a line each. */
const READING = /^(get|list|explain)/;

function implement({ handlers }: UnaryService, log: Logger): UntypedServiceImplementation {
  const methods = Object.entries(handlers).map(([method, handle]) => {
    const unary: handleUnaryCall<unknown, unknown> = (call, callback) => {
      const requestId = requestIdOf(call.metadata) ?? randomUUID();
      const [authorization] = call.metadata.get('authorization').map(String);
      // The definition that decoded the request is the handler's own.
      handle(call.request as never, { requestId, authorization, peer: addressOf(call.getPeer()) }).then(
        (response) => {
          if (!READING.test(method)) log.info({ requestId, method }, 'admin call');
          callback(null, response);
        },
        (error: unknown) => {
          const answer = errorStatus(error);
          if (isInternalError(error)) log.error({ err: error, requestId, method }, 'admin call failed');
          else log.info({ requestId, method, code: answer.code, ...rejectionReason(error) }, 'admin call refused');
          callback(answer);
        },
      );
    };
    return [method, unary] as const;
  });
  return Object.fromEntries(methods);
}

import { randomUUID } from 'node:crypto';
import type { handleUnaryCall, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Logger } from '../../interfaces/logger.ts';
import { createGrpcJsServer, listen, type RunningServer } from '../../transport/grpc-js/grpc-js-server.ts';
import { createRawServices, readRequestId } from '../../transport/grpc-js/raw-services.ts';
import type { BatchHandler } from '../../transport/unary-call.ts';
import { isReadOnly, type UnaryService } from '../shared/unary-service.ts';
import { describeRejection, isInternalError, toErrorStatus } from './error-status.ts';
import { createReflectionService } from './reflection.ts';

export interface AdminServerOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly address: string;
  readonly services: readonly UnaryService[];
  readonly dataPlane: DataPlaneMethods;
  readonly log: Logger;
}

/** The methods of the data plane, which the admin plane serves as well. */
export interface DataPlaneMethods {
  /** `/package.Service/Method` of each. */
  readonly paths: readonly string[];
  readonly handler: BatchHandler;
  /** The names that health checks of the data plane may ask for. They may ask for them here, too. */
  readonly healthNames: readonly string[];
}

/** Serves the given services, those of the data plane, health and reflection. Rejects if it cannot listen. */
export async function startAdminServer(options: AdminServerOptions): Promise<RunningServer> {
  const { address, services, dataPlane, log } = options;
  const created = createGrpcJsServer(listHealthNames(services, dataPlane));
  for (const service of services) {
    // ts-proto's constants have the form of a ServiceDefinition, but are not typed as one.
    created.server.addService(service.definition as ServiceDefinition, implement(service, log));
  }
  for (const { definition, implementation } of createRawServices(dataPlane.paths, dataPlane.handler)) {
    created.server.addService(definition, implementation);
  }
  createReflectionService().addToServer(created.server);
  return listen(created, address);
}

/** Lists the names of all services of this server, and the other names that health checks of the data plane may ask for. */
function listHealthNames(services: readonly UnaryService[], dataPlane: DataPlaneMethods): readonly string[] {
  const ownNames = services.flatMap(({ definition }) =>
    Object.values(definition).map(({ path }) => path.split('/')[1]),
  );
  return [...dataPlane.healthNames, ...ownNames.filter((name) => name !== undefined)];
}

/** Turns handlers into grpc-js handlers that log each call, except for successful calls of read-only methods. */
function implement(service: UnaryService, log: Logger): UntypedServiceImplementation {
  const methods = Object.entries(service.handlers).map(([method, handle]) => {
    const unary: handleUnaryCall<unknown, unknown> = (call, callback) => {
      const requestId = readRequestId(call.metadata) ?? randomUUID();
      const [authorization] = call.metadata.get('authorization').map(String);
      // `never` is safe: the definition that decoded the request is the handler's own.
      handle(call.request as never, { requestId, authorization, peer: parsePeerAddress(call.getPeer()) }).then(
        (response) => {
          if (!isReadOnly(service, method)) log.info({ requestId, method }, 'admin call completed');
          callback(null, response);
        },
        (error: unknown) => {
          const reply = toErrorStatus(error);
          if (isInternalError(error)) log.error({ err: error, requestId, method }, 'admin call failed');
          else log.info({ requestId, method, code: reply.code, ...describeRejection(error) }, 'admin call rejected');
          callback(reply);
        },
      );
    };
    return [method, unary] as const;
  });
  return Object.fromEntries(methods);
}

/**
 * The IP address of a peer. grpc-js names peers `address:port`, without brackets around an IPv6 address, and `unknown`
 * once the connection is closed.
 */
function parsePeerAddress(peer: string): string {
  const portStart = peer.lastIndexOf(':');
  return portStart < 0 ? peer : peer.slice(0, portStart);
}

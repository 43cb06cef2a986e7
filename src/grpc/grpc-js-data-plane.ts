import { DATA_PLANE_PATHS } from './data-plane-paths.ts';
import { createServer, listen, type RunningServer } from './grpc-js-server.ts';
import { rawServices } from './grpc-js-transport.ts';
import type { BatchHandler } from './unary.ts';

export interface DataPlaneOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly address: string;
  readonly handler: BatchHandler;
}

/** The data plane on grpc-js: Envoy's two services, and health. */
export async function startGrpcJsDataPlane({ address, handler }: DataPlaneOptions): Promise<RunningServer> {
  const created = createServer();
  for (const { definition, implementation } of rawServices(DATA_PLANE_PATHS, handler)) {
    created.server.addService(definition, implementation);
  }
  return listen(created, address);
}

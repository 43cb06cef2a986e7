import { clientNetwork } from '../../domain/credentials/client-network.ts';
import { type Http2GrpcServer, startHttp2GrpcServer } from '../../transport/grpc-http2/http2-grpc-server.ts';
import type { TlsSettings } from '../../transport/tls/tls-server.ts';
import type { TransportLogger } from '../../transport/transport-logger.ts';
import type { NetworkBatchHandler, NetworkCall } from '../../transport/unary-call.ts';
import type { AdminCalls, AdminMethod } from './admin-calls.ts';
import { ADMIN_PLANE_LIMITS } from './admin-plane-limits.ts';

export interface AdminServerOptions {
  /** Port 0 takes a free one. */
  readonly address: { readonly host: string; readonly port: number };
  /** undefined: in clear. */
  readonly tls?: TlsSettings | undefined;
  readonly calls: AdminCalls;
  /** Handles the calls of all other methods. */
  readonly handleOther: NetworkBatchHandler;
  readonly log: TransportLogger;
}

/** Serves the admin API over gRPC. Rejects if it cannot listen. */
export function startAdminServer({
  address,
  tls,
  calls,
  handleOther,
  log,
}: AdminServerOptions): Promise<Http2GrpcServer> {
  const handler: NetworkBatchHandler = (arrived) => {
    const others: NetworkCall[] = [];
    for (const call of arrived) {
      const method = calls.find(call.path);
      if (method === undefined) others.push(call);
      else void serve(call, method, calls);
    }
    if (others.length > 0) handleOther(others);
  };
  return startHttp2GrpcServer({ address, tls, networkOf: clientNetwork, ...ADMIN_PLANE_LIMITS, handler, log });
}

/** Answers a call. Never rejects. */
async function serve(call: NetworkCall, method: AdminMethod, calls: AdminCalls): Promise<void> {
  const received = { peer: call.peer, readHeader: (name: string) => call.readHeader(name) };
  const answer = await calls.answer(method, received, () => method.decode(call.message));
  if ('message' in answer) call.reply(answer.message);
  else call.fail(answer.error.code, answer.error.message, answer.error.details);
}

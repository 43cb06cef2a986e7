import type { Http2GrpcServerOptions } from '../../transport/grpc-http2/http2-grpc-server.ts';
import { findRoom, methodName } from '../limits/open-methods.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** A credential has at most MAX_TOKEN_BYTES, and so at most 64 KiB. Nothing is known about the sender of more. */
const MAX_MESSAGE_WITHOUT_CALLER = 68 * KIB;
/** A list of API keys to import is the largest request. */
const MAX_MESSAGE = MIB;

/**
 * Bounds on the memory and connections that clients of the admin plane hold. There are few administrators and tools, and most
 * of them make one call at a time. A message that is not complete after 10 s ends its call, and a preface its connection.
 */
export const ADMIN_PLANE_LIMITS = {
  maxConnections: 1_000,
  maxConnectionsPerNetwork: 500,
  memory: { connection: 8 * MIB, network: 16 * MIB, total: 64 * MIB },
  /** Clients connect in order to call. gRPC libraries connect again when their connection was closed. */
  idle: { unusedMs: 30_000, idleMs: 300_000 },
  /** HTTP and the answers of the decision process keep this thread busy as well. */
  countsInputDelay: false,
  /** A token has 16 KiB by default. */
  maxHeaderListSize: 24 * KIB,
  maxMessageLength: (path) => (findRoom(methodName(path)) === undefined ? MAX_MESSAGE : MAX_MESSAGE_WITHOUT_CALLER),
} satisfies Partial<Http2GrpcServerOptions>;

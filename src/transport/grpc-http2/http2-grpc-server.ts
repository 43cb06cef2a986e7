import type { Socket } from 'node:net';
import { type ConnectionCounts, ConnectionLimiter, type IdleLimits } from '../connection-limiter.ts';
import { ServerConnection } from '../http2/server-connection.ts';
import { type ListenAddress, type Listener, type OpenListener, openListener } from '../listen.ts';
import { createTlsServer, type TlsSettings } from '../tls/tls-server.ts';
import type { TransportLogger } from '../transport-logger.ts';
import type { NetworkBatchHandler } from '../unary-call.ts';
import { type CallHeaders, readCallHeaders } from './call-headers.ts';
import { stopGracefully } from './graceful-stop.ts';
import { type ConnectionServices, Http2Call } from './http2-call.ts';
import { Http2Socket } from './http2-socket.ts';
import { MemoryBudget, type MemoryLimits } from './memory-budget.ts';
import { ReplyFormat } from './responses.ts';
import { TurnBatcher } from './turn-batcher.ts';

export interface Http2GrpcServerOptions {
  readonly address: ListenAddress;
  /** How connections to the address are accepted; undefined: by this process. */
  readonly openListener?: OpenListener;
  /** undefined: plaintext HTTP/2 with prior knowledge. */
  readonly tls?: TlsSettings | undefined;
  /**
   * Computes from the IP address of a client its network. TLS handshakes of different networks do not wait for each
   * other's, and each network has a share of the memory. undefined: each address is a network.
   */
  readonly networkOf?: (address: string) => string;
  /** Connections that may be open at once. ConnectionLimiter says which are closed beyond that. */
  readonly maxConnections: number;
  /** Those of one network of clients. undefined: as many as in total. */
  readonly maxConnectionsPerNetwork?: number;
  /**
   * Age after which a client is asked to open another connection, in ms, below 2^30; undefined: never.
   * No call is lost. A connection that has carried no call is asked with its first one.
   */
  readonly maxConnectionAgeMs?: number | undefined;
  /** When connections without calls are closed; undefined: only to make room for others. */
  readonly idle?: IdleLimits;
  /** undefined: DEFAULT_MEMORY_LIMITS. */
  readonly memory?: MemoryLimits;
  /** Returns the bytes that a request message of the method with this path may have. undefined: 1 MiB each. */
  readonly maxMessageLength?: (path: string) => number;
  /** Bytes that the headers of a call may have; undefined: those of CONNECTION_LIMITS. */
  readonly maxHeaderListSize?: number;
  /**
   * Whether the deadlines of calls count from when their input may have arrived, which is before it was read. It can be
   * told only if this server is what keeps its thread busy. undefined: true.
   */
  readonly countsInputDelay?: boolean;
  /**
   * Once aborted, replies say that the server goes away, so that Envoys send it no more calls. A stop says so too, but
   * then some Envoys learn it too late. undefined: there is no such announcement.
   */
  readonly leaving?: AbortSignal;
  readonly handler: NetworkBatchHandler;
  readonly log?: TransportLogger;
}

export interface Http2GrpcServer {
  /** Where clients connect, with the actual port if port 0 was requested. */
  readonly address: Listener['address'];
  /** The connections that were accepted. Over TLS, those in their handshake are among them. */
  readonly connections: ConnectionCounts;
  /** Connections that may carry calls: over TLS, those whose handshake has ended. */
  countConnections(): number;
  /** Counts the streams that are open, which are the calls in progress. */
  countStreams(): number;
  /**
   * Stops gracefully. Asks the clients to go elsewhere, answers the calls that they have sent, and closes the listener
   * when they have disconnected and no more of them connect. Clients that connect meanwhile are served, then asked to go
   * as well. After `graceMs` all remaining connections are closed.
   */
  stop(options: { readonly graceMs: number }): Promise<void>;
}

const MIB = 1024 * 1024;
/** Bytes. Real requests have a few KB; no client may make the server hold more than this for one request. */
export const MAX_MESSAGE_LENGTH = MIB;
/** Several Envoys may share a network, so it has no share of its own. */
const DEFAULT_MEMORY_LIMITS: MemoryLimits = { connection: 8 * MIB, network: 256 * MIB, total: 256 * MIB };
/** Connections that were opened together must not all be opened again together. So ages differ by up to this share. */
const CONNECTION_AGE_JITTER = 0.1;
/** Time between two sweeps for what peers have left unfinished. */
export const SWEEP_INTERVAL_MS = 2000;

/**
 * Starts a server for unary gRPC on the HTTP/2 engine in ../http2. Rejects when it cannot listen or the TLS files are
 * invalid.
 */
export async function startHttp2GrpcServer(options: Http2GrpcServerOptions): Promise<Http2GrpcServer> {
  const { log, networkOf = (address) => address, maxMessageLength = () => MAX_MESSAGE_LENGTH } = options;
  const { countsInputDelay = true, maxHeaderListSize } = options;
  const turns = new TurnBatcher(options.handler, log);
  const memoryBudget = new MemoryBudget(options.memory ?? DEFAULT_MEMORY_LIMITS);
  const replies = new ReplyFormat();
  options.leaving?.addEventListener('abort', () => replies.announceStop());
  const settings = { networkOf, maxMessageLength, maxHeaderListSize, countsInputDelay, log };
  const shared = { turns, memoryBudget, replies, ...settings };
  const { maxConnections: total, maxConnectionsPerNetwork: network = total } = options;
  const limiter = new ConnectionLimiter({ total, network }, networkOf, log);
  const sockets = new Map<Http2Socket, Socket>();
  const accept = (socket: Socket): void => {
    const http2Socket = openHttp2Socket(socket, shared, () =>
      limiter.markUsed(socket, () => http2Socket.completeShutdown()),
    );
    sockets.set(http2Socket, socket);
    socket.on('close', () => sockets.delete(http2Socket));
    if (options.maxConnectionAgeMs !== undefined) limitAge(socket, http2Socket, options.maxConnectionAgeMs);
    if (isStopping) http2Socket.announceShutdown();
  };
  let isStopping = false;
  const { tls } = options;
  const tlsServer =
    tls === undefined ? undefined : await createTlsServer(tls, { protocol: 'h2', accept, networkOf, log });
  const listener = await (options.openListener ?? openListener)(options.address, log);
  let lastConnectionAt = 0;
  listener.accept((socket) => {
    lastConnectionAt = performance.now();
    if (!limiter.admit(socket)) return;
    if (tlsServer === undefined) accept(socket);
    else tlsServer.add(socket);
  });
  const sweepTimer = startSweeping(sockets, limiter, options.idle);
  return {
    address: listener.address,
    get connections() {
      return limiter.counts;
    },
    countConnections: () => sockets.size,
    countStreams: () => [...sockets.keys()].reduce((sum, { openStreams }) => sum + openStreams, 0),
    async stop({ graceMs }) {
      replies.announceStop();
      const graceTimer = setTimeout(() => limiter.closeAll(), graceMs);
      const listConnections = () => [...sockets.keys()];
      const closeListener = () => {
        isStopping = true; // for connections whose handshake ends later
        return listener.close();
      };
      await stopGracefully({ listConnections, lastConnectionAt: () => lastConnectionAt, closeListener }, graceMs);
      clearTimeout(graceTimer);
      clearInterval(sweepTimer);
      tlsServer?.close();
    },
  };
}

/** Sweeps all connections with one timer. It limits what peers leave unfinished, not how long a call takes. */
function startSweeping(
  sockets: ReadonlyMap<Http2Socket, Socket>,
  limiter: ConnectionLimiter,
  idle: IdleLimits | undefined,
): NodeJS.Timeout {
  const sweep = (): void => {
    const now = performance.now();
    for (const [http2Socket, socket] of sockets) if (http2Socket.sweep(now)) limiter.markActive(socket, now);
    if (idle !== undefined) limiter.closeIdle(idle, now);
  };
  // After the sockets were read: if this process was blocked, the missing part may already be in their buffers.
  return setInterval(() => setImmediate(sweep), SWEEP_INTERVAL_MS).unref();
}

/** The parts that all connections of a server share. */
interface SharedState {
  readonly turns: TurnBatcher;
  readonly memoryBudget: MemoryBudget;
  readonly replies: ReplyFormat;
  readonly networkOf: (address: string) => string;
  readonly maxMessageLength: (path: string) => number;
  readonly maxHeaderListSize: number | undefined;
  readonly countsInputDelay: boolean;
  readonly log: TransportLogger | undefined;
}

function openHttp2Socket(
  socket: Socket,
  { turns, memoryBudget, replies, networkOf, maxMessageLength, maxHeaderListSize, countsInputDelay, log }: SharedState,
  onFirstCall: () => void,
): Http2Socket {
  let hasCalls = false;
  const peer = socket.remoteAddress ?? '';
  const services: ConnectionServices = {
    peer,
    replies,
    maxMessageLength,
    reserve: memoryBudget.forConnection(networkOf(peer)),
    addToBatch: (call) => turns.addCall(call),
    scheduleFlush: () => http2Socket.scheduleFlush(),
  };
  const connection = new ServerConnection<CallHeaders>({
    readHead: readCallHeaders,
    maxHeaderListSize,
    acceptRequest: (stream, headers, now) => {
      if (!hasCalls) onFirstCall();
      hasCalls = true;
      const { timeoutMs } = headers;
      const arrivedAt = countsInputDelay ? now - turns.maxInputDelayMs : now;
      const deadline = timeoutMs === undefined ? undefined : arrivedAt + timeoutMs;
      const call = new Http2Call(stream, headers, deadline, services);
      if (headers.rejection !== undefined) stream.respondWithHeaders(headers.rejection);
      return call;
    },
  });
  const http2Socket = new Http2Socket(socket, connection, turns, log);
  return http2Socket;
}

/** Begins to shut the connection down when it has about this age. */
function limitAge(socket: Socket, http2Socket: Http2Socket, maxAgeMs: number): void {
  const jitter = CONNECTION_AGE_JITTER * (2 * Math.random() - 1);
  const timer = setTimeout(() => http2Socket.announceShutdown(), maxAgeMs * (1 + jitter)).unref();
  socket.on('close', () => clearTimeout(timer));
}

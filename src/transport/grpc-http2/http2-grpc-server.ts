import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { ServerConnection } from '../http2/server-connection.ts';
import type { TransportLogger } from '../transport-logger.ts';
import type { BatchHandler } from '../unary-call.ts';
import { type CallHeaders, readCallHeaders } from './call-headers.ts';
import { ConnectionLimiter } from './connection-limiter.ts';
import { type ConnectionServices, Http2Call } from './http2-call.ts';
import { Http2Socket } from './http2-socket.ts';
import { MemoryBudget } from './memory-budget.ts';
import { createTlsServer, type TlsFiles } from './tls-server.ts';
import { TurnBatcher } from './turn-batcher.ts';

export interface Http2GrpcServerOptions {
  /** Where to listen. Port 0 means any free port. */
  readonly address: { readonly host: string; readonly port: number };
  /** undefined: plaintext HTTP/2 with prior knowledge. */
  readonly tls?: TlsFiles;
  /** Connections that may be open at once. ConnectionLimiter says which are closed beyond that. */
  readonly maxConnections: number;
  /**
   * Age after which a client is asked to open another connection, in ms, below 2^30; undefined: never.
   * No call is lost. A connection that has carried no call is asked with its first one.
   */
  readonly maxConnectionAgeMs?: number | undefined;
  readonly handler: BatchHandler;
  readonly log?: TransportLogger;
}

export interface Http2GrpcServer {
  /** The address on which the server listens, with the actual port if port 0 was requested. */
  readonly address: AddressInfo;
  countConnections(): number;
  /**
   * Stops gracefully. Asks the clients to go elsewhere, answers the calls that they have sent, and closes the listener
   * when they have disconnected. Clients that connect meanwhile are served, then asked to go as well. After `graceMs`
   * all remaining connections are closed.
   */
  stop(options: { readonly graceMs: number }): Promise<void>;
}

/** Connections that were opened together must not all be opened again together. So ages differ by up to this share. */
const CONNECTION_AGE_JITTER = 0.1;
/** Time between two sweeps for what peers have left unfinished. */
const SWEEP_INTERVAL_MS = 2000;
/** A peer that has not answered the PING of the first GOAWAY by then gets the second GOAWAY. */
const MAX_ANNOUNCEMENT_MS = 1000;

/**
 * Starts a server for unary gRPC on the HTTP/2 engine in ../http2. Rejects when it cannot listen or the TLS files are
 * invalid.
 */
export async function startHttp2GrpcServer(options: Http2GrpcServerOptions): Promise<Http2GrpcServer> {
  const { log } = options;
  const shared: SharedState = { turns: new TurnBatcher(options.handler, log), memoryBudget: new MemoryBudget(), log };
  const limiter = new ConnectionLimiter(options.maxConnections, log);
  const sockets = new Set<Http2Socket>();
  const accept = (socket: Socket): void => {
    const http2Socket = openHttp2Socket(socket, shared, () => limiter.markUsed(socket));
    sockets.add(http2Socket);
    socket.on('close', () => sockets.delete(http2Socket));
    if (options.maxConnectionAgeMs !== undefined) limitAge(socket, http2Socket, options.maxConnectionAgeMs);
  };
  const server =
    options.tls === undefined
      ? createServer({ noDelay: true, keepAlive: true })
      : await createTlsServer(options.tls, accept, log);
  const address = await listen(server, options.address);
  server.on('connection', (socket: Socket) => {
    if (limiter.admit(socket) && options.tls === undefined) accept(socket);
  });
  server.on('error', (error) => log?.warn({ err: error }, 'the listener failed to accept a connection'));
  const sweepTimer = startSweeping(sockets);
  return {
    address,
    countConnections: () => sockets.size,
    async stop({ graceMs }) {
      const graceTimer = setTimeout(() => limiter.closeAll(), graceMs);
      await drain([...sockets], graceMs);
      const listenerClosed = new Promise<void>((resolve) => server.close(() => resolve()));
      await drain([...sockets], graceMs); // those that connected meanwhile
      await listenerClosed;
      clearTimeout(graceTimer);
      clearInterval(sweepTimer);
    },
  };
}

/** Sweeps all connections with one timer. It limits what peers leave unfinished, not how long a call takes. */
function startSweeping(sockets: ReadonlySet<Http2Socket>): NodeJS.Timeout {
  const sweep = (): void => {
    const now = performance.now();
    for (const socket of sockets) socket.sweep(now);
  };
  // After the sockets were read: if this process was blocked, the missing part may already be in their buffers.
  return setInterval(() => setImmediate(sweep), SWEEP_INTERVAL_MS).unref();
}

/** The parts that all connections of a server share. */
interface SharedState {
  readonly turns: TurnBatcher;
  readonly memoryBudget: MemoryBudget;
  readonly log: TransportLogger | undefined;
}

function openHttp2Socket(
  socket: Socket,
  { turns, memoryBudget, log }: SharedState,
  onFirstCall: () => void,
): Http2Socket {
  let hasCalls = false;
  const services: ConnectionServices = {
    reserve: memoryBudget.forConnection(),
    addToBatch: (call) => turns.addCall(call),
    scheduleFlush: () => http2Socket.scheduleFlush(),
  };
  const connection = new ServerConnection<CallHeaders>({
    readHead: readCallHeaders,
    acceptRequest: (stream, headers, now) => {
      if (!hasCalls) onFirstCall();
      hasCalls = true;
      const { timeoutMs } = headers;
      // The timeout counts from when the request arrived, which may be earlier than when it was read.
      const deadline = timeoutMs === undefined ? undefined : now - turns.maxInputDelayMs + timeoutMs;
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

/** Shuts the connections down, and waits until they are closed. */
async function drain(sockets: readonly Http2Socket[], graceMs: number): Promise<void> {
  const allClosed = sockets.map((socket) => socket.waitUntilClosed());
  for (const socket of sockets) socket.announceShutdown();
  const announcementTimer = setTimeout(
    () => {
      for (const socket of sockets) socket.completeShutdown();
    },
    Math.min(MAX_ANNOUNCEMENT_MS, graceMs / 2),
  );
  await Promise.all(allClosed);
  clearTimeout(announcementTimer);
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server.address() as AddressInfo); // a server that listens on a port, and not on a pipe, has this type
    });
  });
}

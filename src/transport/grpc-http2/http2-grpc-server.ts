import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { WarningLogger } from '../../interfaces/logger.ts';
import { ServerConnection } from '../http2/server-connection.ts';
import type { BatchHandler } from '../unary-call.ts';
import { type CallSite, Http2Call } from './http2-call.ts';
import { type CallHeaders, readCallHeaders } from './call-headers.ts';
import { MemoryBudget } from './memory-budget.ts';
import { OpenConnections } from './connection-limiter.ts';
import { Http2Socket } from './http2-socket.ts';
import { createTlsServer, type TlsFiles } from './tls-server.ts';
import { TurnBatcher } from './turn-batcher.ts';

export interface Http2GrpcServerOptions {
  readonly address: { readonly host: string; readonly port: number };
  /** Without it HTTP/2 is spoken in clear, with prior knowledge. */
  readonly tls?: TlsFiles;
  /** Connections that may be open at once; see OpenConnections for who must go beyond it. */
  readonly mostConnections: number;
  readonly handler: BatchHandler;
  readonly log?: WarningLogger;
}

export interface Http2GrpcServer {
  /** Where it listens: the port that was chosen, if 0 was asked for. */
  readonly address: AddressInfo;
  connections(): number;
  /**
   * Ends in order: clients are asked to go elsewhere, what they have sent is answered, the listener closes when they
   * are gone; who came meanwhile is served, then likewise asked to go. What is left after `graceMs` is cut.
   */
  stop(options: { readonly graceMs: number }): Promise<void>;
}

/** ms between two looks at what peers leave unfinished. */
const SWEEP_INTERVAL = 2000;
/** A peer that has not answered the PING of the first GOAWAY by then gets the second (ms). */
const LONGEST_ANNOUNCEMENT = 1000;

/** Serves unary gRPC on an HTTP/2 engine of our own. Rejects when it cannot listen, or the TLS files are no good. */
export async function startHttp2GrpcServer(options: Http2GrpcServerOptions): Promise<Http2GrpcServer> {
  const turn = new TurnBatcher(options.handler, options.log);
  const heldBytes = new MemoryBudget();
  const sockets = new Set<Http2Socket>();
  const open = new OpenConnections(options.mostConnections, options.log);
  const accept = (socket: Socket): void => {
    const http2Socket = openCalls(socket, { turn, heldBytes, log: options.log }, () => open.use(socket));
    sockets.add(http2Socket);
    socket.on('close', () => sockets.delete(http2Socket));
  };
  const server =
    options.tls === undefined
      ? createServer({ noDelay: true, keepAlive: true })
      : await createTlsServer(options.tls, accept, options.log);
  const address = await listen(server, options.address);
  server.on('connection', (socket: Socket) => {
    if (open.add(socket) && options.tls === undefined) accept(socket);
  });
  server.on('error', (error) => options.log?.warn({ err: error }, 'the listener failed to accept a connection'));
  const sweep = sweepRegularly(sockets);
  return {
    address,
    connections: () => sockets.size,
    async stop({ graceMs }) {
      const cut = setTimeout(() => open.cut(), graceMs);
      await drain([...sockets], graceMs);
      const isClosed = new Promise<void>((resolve) => server.close(() => resolve()));
      await drain([...sockets], graceMs);
      await isClosed;
      clearTimeout(cut);
      clearInterval(sweep);
    },
  };
}

/** One timer for all: it bounds what peers leave unfinished, not how long a call takes. */
function sweepRegularly(sockets: ReadonlySet<Http2Socket>): NodeJS.Timeout {
  const sweep = (): void => {
    const now = performance.now();
    for (const socket of sockets) socket.sweep(now);
  };
  // After the sockets were read: where this process was held up, what is missing has long come.
  return setInterval(() => setImmediate(sweep), SWEEP_INTERVAL).unref();
}

/** What all connections share. */
interface Shared {
  readonly turn: TurnBatcher;
  readonly heldBytes: MemoryBudget;
  readonly log: WarningLogger | undefined;
}

function openCalls(socket: Socket, { turn, heldBytes, log }: Shared, onFirstCall: () => void): Http2Socket {
  let isUsed = false;
  const site: CallSite = {
    hold: heldBytes.ofConnection(),
    complete: (call) => turn.complete(call),
    touch: () => http2Socket.touch(),
  };
  const connection = new ServerConnection<CallHeaders>({
    readHead: readCallHeaders,
    accept: (stream, head, now) => {
      if (!isUsed) onFirstCall();
      isUsed = true;
      const deadline = head.timeout === undefined ? undefined : now - turn.lateness + head.timeout;
      const call = new Http2Call(stream, head, deadline, site);
      if (head.refusal !== undefined) stream.respondHeaders(head.refusal);
      return call;
    },
  });
  const http2Socket = new Http2Socket(socket, connection, turn, log);
  return http2Socket;
}

async function drain(sockets: readonly Http2Socket[], graceMs: number): Promise<void> {
  const closed = sockets.map((socket) => socket.closed);
  for (const socket of sockets) socket.shutDown();
  const announced = setTimeout(
    () => {
      for (const socket of sockets) socket.finishShutDown();
    },
    Math.min(LONGEST_ANNOUNCEMENT, graceMs / 2),
  );
  await Promise.all(closed);
  clearTimeout(announced);
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve(server.address() as AddressInfo); // a server that listens on a port, not on a pipe, has this form
    });
  });
}

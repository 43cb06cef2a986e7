import { createServer as createHttp2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import { createServer, type Socket } from 'node:net';
import { clientNetwork } from '../domain/credentials/client-network.ts';
import type { LoggedRequest } from '../domain/logged-request.ts';
import { readAccessLog } from '../envoy/access-log/read-access-log.ts';
import { AccessLogServiceService, StreamAccessLogsMessage } from '../generated/envoy/service/accesslog/v3/als.ts';
import { ConnectionLimiter } from '../transport/connection-limiter.ts';
import { MemoryBudget } from '../transport/grpc-http2/memory-budget.ts';
import { listen } from '../transport/listen.ts';
import type { TransportLogger } from '../transport/transport-logger.ts';
import { GrpcStatus } from '../transport/unary-call.ts';
import { ClientStream, failStream } from './client-stream.ts';

export interface AccessLogServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Takes the requests of a message. */
  readonly receive: (requests: readonly LoggedRequest[]) => void;
  readonly log: TransportLogger;
}

const MIB = 1024 * 1024;
/** Envoy sends 16 KiB at a time by default. */
const MAX_MESSAGE_BYTES = MIB;
/** Each thread of an Envoy has one stream for each access logger, and a connection of its own. */
const MAX_STREAMS_PER_CONNECTION = 128;
/** Several Envoys with many threads each may share an address. */
const MAX_CONNECTIONS = { total: 1_000, network: 500 };
const MAX_UNFINISHED_BYTES = { connection: 8 * MIB, network: 64 * MIB, total: 128 * MIB };
/** Time in ms in which a message must be complete. */
const MAX_UNFINISHED_MS = 10_000;
/** Envoy connects in order to send. A connection with a stream is in use, however long it is silent. */
const IDLE = { unusedMs: 30_000, idleMs: 300_000 };
const SWEEP_INTERVAL_MS = 2_000;

/** A server that takes access logs. */
export interface AccessLogServer {
  readonly port: number;
  /** Ends all streams. Envoy opens others to another node, and loses what it has sent since. */
  stop(): void;
}

/**
 * Serves `envoy.service.accesslog.v3.AccessLogService` to everybody who can connect, within bounds on connections and on
 * the memory of messages that have not arrived completely.
 */
export async function startAccessLogServer(options: AccessLogServerOptions): Promise<AccessLogServer> {
  const { host, port, log } = options;
  const limiter = new ConnectionLimiter(MAX_CONNECTIONS, clientNetwork, log);
  const connections = new AccessLogConnections(limiter, options);
  const server = createServer({ noDelay: true, keepAlive: true }, (socket) => {
    if (limiter.admit(socket)) connections.accept(socket);
  });
  const address = await listen(server, { host, port });
  server.on('error', (error) => log.warn({ err: error }, 'the listener failed to accept a connection'));
  const timer = setInterval(() => connections.sweep(performance.now()), SWEEP_INTERVAL_MS).unref();
  return {
    port: address.port,
    stop() {
      clearInterval(timer);
      server.close();
      limiter.closeAll();
    },
  };
}

class AccessLogConnections {
  readonly #limiter: ConnectionLimiter;
  readonly #receive: AccessLogServerOptions['receive'];
  readonly #budget = new MemoryBudget(MAX_UNFINISHED_BYTES);
  readonly #http2 = createHttp2Server({ settings: { maxConcurrentStreams: MAX_STREAMS_PER_CONNECTION } });
  /** The open streams, with the sockets of their connections. */
  readonly #streams = new Map<ClientStream, Socket>();

  constructor(limiter: ConnectionLimiter, { receive }: Pick<AccessLogServerOptions, 'receive'>) {
    this.#limiter = limiter;
    this.#receive = receive;
    this.#http2.on('sessionError', () => {}); // the peer's fault; the session closes its connection
  }

  accept(socket: Socket): void {
    const reserve = this.#budget.forConnection(clientNetwork(socket.remoteAddress ?? ''));
    this.#http2.once('session', (session) => {
      session.on('stream', (stream, headers) => this.#open(stream, headers[':path'], { socket, session, reserve }));
    });
    this.#http2.emit('connection', socket); // emits 'session' before it returns
  }

  /** Ends streams whose message does not arrive, and connections without a stream. */
  sweep(now: number): void {
    for (const [stream, socket] of this.#streams) {
      stream.sweep(MAX_UNFINISHED_MS, now);
      this.#limiter.markActive(socket, now);
    }
    this.#limiter.closeIdle(IDLE, now);
  }

  #open(stream: ServerHttp2Stream, path: string | undefined, { socket, session, reserve }: Connection): void {
    stream.on('error', () => {}); // the peer has reset it or disconnected
    if (path !== AccessLogServiceService.streamAccessLogs.path) {
      failStream(stream, GrpcStatus.UNIMPLEMENTED, 'no such method');
      return;
    }
    this.#limiter.markUsed(socket, () => session.close());
    const receive = (message: Buffer) =>
      this.#receive(readAccessLog(StreamAccessLogsMessage.decode(message), Date.now()));
    const opened = new ClientStream(stream, { maxMessageBytes: MAX_MESSAGE_BYTES, reserve, receive });
    this.#streams.set(opened, socket);
    stream.on('close', () => this.#streams.delete(opened));
  }
}

interface Connection {
  readonly socket: Socket;
  readonly session: ServerHttp2Session;
  readonly reserve: (change: number) => boolean;
}

import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { ErrorCode } from '../http2/connection-error.ts';
import type { ServerConnection } from '../http2/server-connection.ts';
import type { TransportLogger } from '../transport-logger.ts';
import type { Flushable, TurnBatcher } from './turn-batcher.ts';

/**
 * Time between the end of our output and the close of the socket. If it closed at once, input that still arrives would
 * make the kernel discard the last frames before the peer has read them.
 */
const LINGER_MS = 250;
/** A peer that takes longer to read what was written loses its connection. */
const MAX_WRITE_MS = 30_000;
const NO_BYTES = Buffer.alloc(0);

/** A connection, whatever its application reads from the headers of requests. */
type Connection = Pick<ServerConnection<never>, keyof ServerConnection<never>>;

/**
 * Connects a socket with an HTTP/2 connection. It writes once at a time, and does not read while the connection demands
 * a pause.
 */
export class Http2Socket implements Flushable {
  readonly #socket: Socket;
  readonly #connection: Connection;
  readonly #turns: TurnBatcher;
  readonly #log: TransportLogger | undefined;
  #isFlushScheduled = false;
  #isReadingPaused = false;
  #hasPauseTimer = false;
  #isEnding = false;
  /** The last stream that the peer had opened before the last sweep. */
  #sweptStreamId = 0;
  /** When the write in progress began, in ms; undefined: none is in progress. */
  #writingSinceMs: number | undefined;

  constructor(socket: Socket, connection: Connection, turns: TurnBatcher, log: TransportLogger | undefined) {
    this.#socket = socket;
    this.#connection = connection;
    this.#turns = turns;
    this.#log = log;
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    socket.on('end', () => connection.close());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => connection.close());
    this.scheduleFlush();
  }

  /** Calls in progress. */
  get openStreams(): number {
    return this.#connection.openStreams;
  }

  waitUntilClosed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.closed) resolve();
      else this.#socket.once('close', () => resolve());
    });
  }

  /** Has the connection flushed at the end of the turn. */
  scheduleFlush(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    this.#turns.scheduleFlush(this);
  }

  flush(): void {
    this.#isFlushScheduled = false;
    if (this.#writingSinceMs !== undefined || this.#socket.destroyed) return;
    if (this.#connection.output.length > 0) this.#write();
    if (this.#writingSinceMs === undefined && this.#connection.isFinished) this.#end();
    if (this.#isReadingPaused) this.#resumeReading();
  }

  announceShutdown(): void {
    this.#connection.announceShutdown();
    this.scheduleFlush();
  }

  completeShutdown(): void {
    this.#connection.completeShutdown();
    this.scheduleFlush();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /**
   * Ends what the peer has not finished, or not read, in time. Returns whether a call is in progress or has arrived since
   * the last sweep.
   */
  sweep(now: number): boolean {
    if (this.#writingSinceMs !== undefined && now - this.#writingSinceMs > MAX_WRITE_MS) this.destroy();
    this.#connection.sweep(now);
    if (this.#connection.output.length > 0 || this.#connection.isFinished) this.scheduleFlush();
    const { lastAcceptedId, openStreams } = this.#connection;
    const isActive = openStreams > 0 || lastAcceptedId !== this.#sweptStreamId;
    this.#sweptStreamId = lastAcceptedId;
    return isActive;
  }

  #receive(bytes: Buffer): void {
    const now = performance.now();
    const connection = this.#connection;
    this.#turns.beginTurn(now);
    try {
      connection.receive(bytes, now);
    } catch (error) {
      this.#log?.warn({ err: error }, 'an HTTP/2 connection failed');
      connection.fail(ErrorCode.INTERNAL_ERROR, 'internal error');
    }
    if (connection.output.length > 0 || connection.isFinished) this.scheduleFlush();
    if (connection.computeReadPauseMs(now) > 0) this.#pauseReading();
  }

  #pauseReading(): void {
    this.#socket.pause();
    this.#isReadingPaused = true;
    this.#resumeReading();
  }

  /** Reads on if the connection allows it. Otherwise a timer or the next flush tries again. */
  #resumeReading(): void {
    const pauseMs = this.#connection.computeReadPauseMs(performance.now());
    if (pauseMs === 0) {
      this.#isReadingPaused = false;
      this.#socket.resume();
    } else if (Number.isFinite(pauseMs) && !this.#hasPauseTimer) {
      this.#hasPauseTimer = true;
      setTimeout(this.#onPauseOver, Math.ceil(pauseMs));
    }
  }

  readonly #onPauseOver = (): void => {
    this.#hasPauseTimer = false;
    this.scheduleFlush();
  };

  #write(): void {
    const socket = this.#socket;
    const isTls = socket instanceof TLSSocket;
    const views = this.#connection.output.take();
    const lastView = views.pop();
    if (lastView === undefined) return;
    if (views.length > 0) socket.cork();
    for (const view of views) socket.write(view);
    socket.write(lastView, isTls ? this.#onWritten : undefined);
    if (views.length > 0) socket.uncork();
    // The kernel nearly always takes everything at once. Then no callback is needed, which would cost a tick. Over TLS
    // only the callback shows that the bytes are written.
    if (!isTls && socket.writableLength === 0) {
      this.#connection.output.release();
      return;
    }
    this.#writingSinceMs = performance.now();
    if (!isTls) socket.write(NO_BYTES, this.#onWritten);
  }

  readonly #onWritten = (): void => {
    this.#connection.output.release();
    this.#writingSinceMs = undefined;
    if (this.#isReadingPaused || this.#connection.output.length > 0 || this.#connection.isFinished) {
      this.scheduleFlush();
    }
  };

  #end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), LINGER_MS);
  }
}

import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { WarningLogger } from '../../interfaces/logger.ts';
import { ErrorCode } from '../http2/frames/protocol-constants.ts';
import type { ServerConnection } from '../http2/server-connection.ts';
import type { Flushable, TurnBatcher } from './turn-batcher.ts';

/** ms for a peer to take the last frames before what it still sends makes the kernel drop them. */
const LINGER = 250;
/** ms for a peer to take what it was sent. */
const LONGEST_WRITE = 30_000;
const NOTHING = Buffer.alloc(0);

/** A connection whatever its application reads from request heads. */
type Connection = Pick<ServerConnection<never>, keyof ServerConnection<never>>;

/** Joins a socket and an HTTP/2 connection: one write at a time, no reading while the connection wants none. */
export class Http2Socket implements Flushable {
  readonly #socket: Socket;
  readonly #connection: Connection;
  readonly #turn: TurnBatcher;
  readonly #log: WarningLogger | undefined;
  #isTouched = false;
  #isPaused = false;
  #isWaitingOutPause = false;
  #isEnding = false;
  #writingSince: number | undefined;

  constructor(socket: Socket, connection: Connection, turn: TurnBatcher, log: WarningLogger | undefined) {
    this.#socket = socket;
    this.#connection = connection;
    this.#turn = turn;
    this.#log = log;
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    socket.on('end', () => connection.close());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => connection.close());
    this.touch();
  }

  get closed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.closed) resolve();
      else this.#socket.once('close', () => resolve());
    });
  }

  /** Has the connection flushed at the end of the turn. */
  touch(): void {
    if (this.#isTouched) return;
    this.#isTouched = true;
    this.#turn.touch(this);
  }

  flush(): void {
    this.#isTouched = false;
    if (this.#writingSince !== undefined || this.#socket.destroyed) return;
    if (this.#connection.output.length > 0) this.#write();
    if (this.#writingSince === undefined && this.#connection.isFinished) this.#end();
    if (this.#isPaused) this.#resume();
  }

  shutDown(): void {
    this.#connection.shutDown();
    this.touch();
  }

  finishShutDown(): void {
    this.#connection.finishShutDown();
    this.touch();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Ends what the peer has not finished, or not taken, for too long. */
  sweep(now: number): void {
    if (this.#writingSince !== undefined && now - this.#writingSince > LONGEST_WRITE) this.destroy();
    this.#connection.sweep(now);
    if (this.#connection.output.length > 0 || this.#connection.isFinished) this.touch();
  }

  #receive(bytes: Buffer): void {
    const now = performance.now();
    const connection = this.#connection;
    this.#turn.enter(now);
    try {
      connection.receive(bytes, now);
    } catch (error) {
      this.#log?.warn({ err: error }, 'an HTTP/2 connection failed');
      connection.fail(ErrorCode.INTERNAL_ERROR, 'internal error');
    }
    if (connection.output.length > 0 || connection.isFinished) this.touch();
    if (connection.readPause(now) > 0) this.#pause();
  }

  #pause(): void {
    this.#socket.pause();
    this.#isPaused = true;
    this.#resume();
  }

  #resume(): void {
    const wait = this.#connection.readPause(performance.now());
    if (wait === 0) {
      this.#isPaused = false;
      this.#socket.resume();
    } else if (Number.isFinite(wait) && !this.#isWaitingOutPause) {
      this.#isWaitingOutPause = true;
      setTimeout(this.#onPauseOver, Math.ceil(wait));
    }
  }

  readonly #onPauseOver = (): void => {
    this.#isWaitingOutPause = false;
    this.touch();
  };

  #write(): void {
    const socket = this.#socket;
    const isSecure = socket instanceof TLSSocket;
    const views = this.#connection.output.take();
    const last = views.pop();
    if (last === undefined) return;
    if (views.length > 0) socket.cork();
    for (const view of views) socket.write(view);
    socket.write(last, isSecure ? this.#onWritten : undefined);
    if (views.length > 0) socket.uncork();
    // What the kernel took at once, as it nearly always does, needs no callback, which costs a tick. TLS tells later.
    if (!isSecure && socket.writableLength === 0) {
      this.#connection.output.release();
      return;
    }
    this.#writingSince = performance.now();
    if (!isSecure) socket.write(NOTHING, this.#onWritten);
  }

  readonly #onWritten = (): void => {
    this.#connection.output.release();
    this.#writingSince = undefined;
    if (this.#isPaused || this.#connection.output.length > 0 || this.#connection.isFinished) this.touch();
  };

  #end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), LINGER);
  }
}

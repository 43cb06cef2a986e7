import type { Socket } from 'node:net';
import { AbuseBudget } from '../http2/abuse-budget.ts';
import { formatPeer } from '../peer-name.ts';
import type { TransportLogger } from '../transport-logger.ts';
import { ClientHelloReader } from './client-hello.ts';
import { TurnQueue } from './turn-queue.ts';

/** Time for the handshake, from when the connection was accepted. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/**
 * Time that handshakes may take of the thread: 250 ms in each second. A handshake takes about 1 ms with P-256 or RSA-2048,
 * twice that with a certificate of the client, and 6 ms with RSA-4096. The burst is for the start of a fleet.
 */
const THREAD_TIME_MS = { burst: 100, perSecond: 250 };
/** Cost of a whole handshake as a multiple of its first part. The answer of a client with a certificate costs as much. */
const TOTAL_COST_FACTOR = 2;
/**
 * Handshakes that may wait for the client's answer. An answer costs up to 1 ms, and clients could keep many back in order
 * to send them at once.
 */
const MAX_UNANSWERED = 16;
/** When there are MAX_UNANSWERED, the oldest is closed for the next one, but only after this time. */
const MIN_ANSWER_TIME_MS = 1000;
/** Time between two log lines about connections that had no turn in time. */
const LOG_INTERVAL_MS = 60_000;

/** A connection whose handshake has not ended. */
interface Arrival {
  readonly socket: Socket;
  readonly peer: string;
  readonly network: string;
  readonly hello: ClientHelloReader;
  /** Closes the connection after HANDSHAKE_TIMEOUT_MS. */
  readonly timer: NodeJS.Timeout;
  /** When the handshake started, in ms on the clock of `performance.now()`. undefined: it has not. */
  startedAt: number | undefined;
}

/** Parts of the server that a pacer uses. */
export interface HandshakePacerOptions {
  /** Computes the network of a client from its IP address. The clients of a network share their turns. */
  readonly networkOf: (address: string) => string;
  /** Starts the TLS handshake on a socket whose next bytes are a whole ClientHello. */
  readonly startHandshake: (socket: Socket) => void;
  readonly log: TransportLogger | undefined;
}

/**
 * Starts TLS handshakes so that they take a bounded part of the thread. A connection waits for its turn from when its
 * ClientHello is complete: nothing before that costs much. The networks of clients alternate, and each handshake has a
 * turn of the event loop to itself, so that calls are answered in between.
 */
export class HandshakePacer {
  readonly #options: HandshakePacerOptions;
  readonly #budget = new AbuseBudget(THREAD_TIME_MS);
  readonly #waiting = new TurnQueue<Arrival>();
  /** Handshakes that have started and not ended, by peer, the oldest first. */
  readonly #unanswered = new Map<string, Arrival>();
  #nextTurn: { readonly timer: NodeJS.Timeout; readonly at: number } | undefined;
  #closedSinceLog = 0;
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(options: HandshakePacerOptions) {
    this.#options = options;
  }

  /** Takes a connection that was just accepted. Closes it if its handshake has not ended after HANDSHAKE_TIMEOUT_MS. */
  add(socket: Socket): void {
    const arrival: Arrival = {
      socket,
      peer: formatPeer(socket),
      network: this.#options.networkOf(socket.remoteAddress ?? ''),
      hello: new ClientHelloReader(socket, () => {
        this.#waiting.add(arrival.network, arrival);
        this.#scheduleTurn();
      }),
      timer: setTimeout(() => {
        if (this.#waiting.has(arrival.network, arrival)) this.#logLate();
        socket.destroy();
      }, HANDSHAKE_TIMEOUT_MS).unref(),
      startedAt: undefined,
    };
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#waiting.remove(arrival.network, arrival);
      this.#finish(arrival);
    });
  }

  /** Records that the handshake of this TLS socket has ended. */
  markSecure(tlsSocket: Socket): void {
    const arrival = this.#unanswered.get(formatPeer(tlsSocket));
    if (arrival !== undefined) this.#finish(arrival);
  }

  #finish(arrival: Arrival): void {
    clearTimeout(arrival.timer);
    if (this.#unanswered.get(arrival.peer) !== arrival) return;
    this.#unanswered.delete(arrival.peer);
    this.#scheduleTurn();
  }

  #scheduleTurn(): void {
    if (this.#waiting.isEmpty) return;
    const now = performance.now();
    const at = now + Math.max(this.#budget.computeWaitMs(now), this.#computeAnswerWaitMs(now));
    if (this.#nextTurn !== undefined) {
      if (this.#nextTurn.at <= at) return;
      clearTimeout(this.#nextTurn.timer);
    }
    this.#nextTurn = { timer: setTimeout(() => this.#takeTurn(), Math.ceil(at - now)), at };
  }

  /** Returns the ms until another handshake may start without too many that wait for the client. */
  #computeAnswerWaitMs(now: number): number {
    if (this.#unanswered.size < MAX_UNANSWERED) return 0;
    for (const { startedAt = now } of this.#unanswered.values())
      return Math.max(0, startedAt + MIN_ANSWER_TIME_MS - now);
    return 0;
  }

  #takeTurn(): void {
    this.#nextTurn = undefined;
    const arrival = this.#waiting.takeNext();
    if (arrival === undefined) return;
    if (arrival.socket.destroyed) {
      this.#scheduleTurn();
      return;
    }
    if (this.#unanswered.size >= MAX_UNANSWERED) this.#closeOldest();
    const startedAt = performance.now();
    arrival.startedAt = startedAt;
    this.#unanswered.set(arrival.peer, arrival);
    arrival.hello.release();
    this.#options.startHandshake(arrival.socket);
    // The TLS socket reads the ClientHello in a callback of `process.nextTick` that runs before this one.
    process.nextTick(() => {
      const now = performance.now();
      this.#budget.spend((now - startedAt) * TOTAL_COST_FACTOR, now);
      this.#scheduleTurn();
    });
  }

  #closeOldest(): void {
    for (const { socket } of this.#unanswered.values()) {
      socket.destroy();
      return;
    }
  }

  #logLate(): void {
    this.#closedSinceLog += 1;
    const now = performance.now();
    if (now - this.#loggedAt < LOG_INTERVAL_MS) return;
    this.#options.log?.warn(
      { closed: this.#closedSinceLog },
      'too many TLS handshakes: closed connections that waited',
    );
    this.#loggedAt = now;
    this.#closedSinceLog = 0;
  }
}

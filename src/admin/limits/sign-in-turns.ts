import { FairTurns } from '../../collections/fair-turns.ts';
import { ApiError } from '../../domain/api-error.ts';
import { TurnGate } from './turn-gate.ts';

/**
 * Calls that hash passwords and run at the same time. Two hashes run at the same time (identity/secrets/password.ts);
 * the other calls read from and write to the database meanwhile.
 */
const MAX_RUNNING = 4;
/** Longer waits are of no use: people press the button again. */
const MAX_WAIT_MS = 5_000;
const MAX_REMEMBERED = 10_000;

/**
 * Lets calls that hash passwords take turns by the network that they come from, so that a flood from one network, or
 * from many, leaves room for all others. Networks from which somebody has signed in lately have every other turn.
 */
export class SignInTurns {
  readonly #lanes = [new FairTurns<() => void>(MAX_REMEMBERED), new FairTurns<() => void>(MAX_REMEMBERED)] as const;
  /** Networks of successful sign-ins; the latest at the end. */
  readonly #trusted = new Set<string>();
  readonly #gate = new TurnGate({
    waiting: { add: (network, start) => this.#addToLane(network, start), takeNext: () => this.#takeNext() },
    maxRunning: MAX_RUNNING,
    maxWaitMs: MAX_WAIT_MS,
  });
  #nextLane = 0;

  /** Runs a call when it is its turn. If that takes too long, calls `onTimeout` and throws `busy`. */
  run<T>(network: string, call: () => Promise<T>, onTimeout: () => void): Promise<T> {
    return this.#gate.run(network, call, () => {
      onTimeout();
      throw new ApiError({ kind: 'busy' });
    });
  }

  isTrusted(network: string): boolean {
    return this.#trusted.has(network);
  }

  /** Notes that somebody has signed in from a network. */
  trust(network: string): void {
    this.#trusted.delete(network);
    this.#trusted.add(network);
    const [oldest] = this.#trusted;
    if (this.#trusted.size > MAX_REMEMBERED && oldest !== undefined) this.#trusted.delete(oldest);
  }

  #addToLane(network: string, start: () => void): () => void {
    const lane = this.#lanes[this.isTrusted(network) ? 1 : 0];
    lane.add(network, start);
    return () => lane.remove(network, start);
  }

  #takeNext(): (() => void) | undefined {
    const [first, second] = this.#nextLane === 0 ? this.#lanes : [this.#lanes[1], this.#lanes[0]];
    this.#nextLane = 1 - this.#nextLane;
    return first.takeNext() ?? second.takeNext();
  }
}

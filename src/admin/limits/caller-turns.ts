import { FairTurns } from '../../collections/fair-turns.ts';
import { SharedRoom } from '../../collections/shared-room.ts';
import { ApiError } from '../../domain/api-error.ts';
import { TurnGate, type WaitingCalls } from './turn-gate.ts';

/** Calls that run at the same time. Most of them wait for one of the ten connections to Postgres. */
const MAX_RUNNING = 16;
/** Calls of one account that run or wait. A script that creates keys may make a hundred at once. */
const MAX_PER_ACCOUNT = 256;
const MAX_WAIT_MS = 5_000;
const MAX_REMEMBERED = 10_000;

/**
 * Lets the calls of signed-in callers take turns by account. Anybody may have an account, so a flood from one, or from
 * many, must leave room for administrators.
 */
export class CallerTurns {
  readonly #inProgress = new SharedRoom(Number.POSITIVE_INFINITY, MAX_PER_ACCOUNT);
  readonly #gate = new TurnGate({ waiting: waitInTurns(), maxRunning: MAX_RUNNING, maxWaitMs: MAX_WAIT_MS });

  /** Counts a call of an account. Returns the function that ends it. undefined: there is no room. */
  enter(account: string): (() => void) | undefined {
    return this.#inProgress.enter(account) ? () => this.#inProgress.leave(account) : undefined;
  }

  /** Runs a call when it is its turn. If that takes too long, calls `onTimeout` and throws `too_many_calls`. */
  run<T>(account: string, call: () => Promise<T>, onTimeout: () => void): Promise<T> {
    return this.#gate.run(account, call, () => {
      onTimeout();
      throw new ApiError({ kind: 'too_many_calls', retryAfterSeconds: 1 });
    });
  }
}

function waitInTurns(): WaitingCalls {
  const turns = new FairTurns<() => void>(MAX_REMEMBERED);
  return {
    add(account, start) {
      turns.add(account, start);
      return () => turns.remove(account, start);
    },
    takeNext: () => turns.takeNext(),
  };
}

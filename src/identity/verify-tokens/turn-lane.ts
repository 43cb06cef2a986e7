/** Pause that a failure costs before the next turn. */
const FAILURE_PAUSE_MS = 1;
/** Pauses are saved up to this length before they are taken, because timers are no finer than 1 ms. */
const MIN_PAUSE_MS = 4;
/** Weight of everything that waits in a lane: about 1,100 tokens of usual length, or 120 of 16 KiB. */
const MAX_WEIGHT = 2 * 1024 * 1024;

/** Someone who asks for a turn. */
export interface TurnRequest {
  readonly lane: string;
  readonly sender: string;
  /** Share of the room in the lane: the bytes that are held while waiting. */
  readonly weight: number;
}

/** Someone who waits for a turn. */
export interface Waiter {
  readonly request: TurnRequest;
  /** Called once, with whether it is the waiter's turn. False: the lane has no room. */
  readonly settle: (hasTurn: boolean) => void;
}

/**
 * Those who wait for a turn in one lane. Senders alternate. If the lane is full, the sender with the most waiters loses
 * the last one. Each failure pauses the lane, so that forgeries get a bounded part of a core.
 */
export class TurnLane {
  /** By sender. The sender who just had a turn moves to the end. */
  readonly #senders = new Map<string, Waiter[]>();
  #weight = 0;
  /** Pauses not yet taken, as of `#pauseUpdatedAt`. Time that passes counts as a pause. */
  #pauseMs = 0;
  #pauseUpdatedAt = 0;
  /** No turn starts before this time, in ms of a monotonic clock. */
  #pausedUntil = 0;

  get isEmpty(): boolean {
    return this.#senders.size === 0;
  }

  add(waiter: Waiter): void {
    const { sender, weight } = waiter.request;
    const ofSender = this.#senders.get(sender);
    if (ofSender === undefined) this.#senders.set(sender, [waiter]);
    else ofSender.push(waiter);
    this.#weight += weight;
    while (this.#weight > MAX_WEIGHT) this.#dropOne();
  }

  /** Removes the next waiter. undefined: nobody waits. */
  takeNext(): Waiter | undefined {
    const first = this.#senders.entries().next();
    if (first.done === true) return undefined;
    const [sender, waiters] = first.value;
    const waiter = waiters.shift();
    this.#senders.delete(sender);
    if (waiters.length > 0) this.#senders.set(sender, waiters);
    this.#weight -= waiter?.request.weight ?? 0;
    return waiter;
  }

  recordFailure(now: number): void {
    this.#pauseMs = Math.max(0, this.#pauseMs - (now - this.#pauseUpdatedAt)) + FAILURE_PAUSE_MS;
    this.#pauseUpdatedAt = now;
    if (this.#pauseMs >= MIN_PAUSE_MS) this.#pausedUntil = now + this.#pauseMs;
  }

  /** Time until the lane may have a turn, in ms. 0: it may have one now. */
  remainingPauseMs(now: number): number {
    return Math.max(0, this.#pausedUntil - now);
  }

  /** Whether failures still count against the lane. */
  hasDebt(now: number): boolean {
    return this.#pauseMs > now - this.#pauseUpdatedAt;
  }

  #dropOne(): void {
    let longest: [string, Waiter[]] | undefined;
    for (const entry of this.#senders) {
      // Among equal ones the last, who has waited for the shortest time.
      if (longest === undefined || entry[1].length >= longest[1].length) longest = entry;
    }
    if (longest === undefined) return;
    const [sender, waiters] = longest;
    const waiter = waiters.pop();
    if (waiters.length === 0) this.#senders.delete(sender);
    this.#weight -= waiter?.request.weight ?? 0;
    waiter?.settle(false);
  }
}

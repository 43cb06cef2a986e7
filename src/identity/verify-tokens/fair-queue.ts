import { TurnLane, type TurnRequest } from './turn-lane.ts';

/**
 * Gives out turns: one token is validated at a time. Lanes alternate, and so do the senders within a lane. So a sender
 * who floods Weir with forgeries only waits behind themselves, and many such senders only fill their lane.
 */
export class FairQueue {
  /** Lanes in which someone waits or that are paused. The lane that just had a turn moves to the end. */
  readonly #lanes = new Map<string, TurnLane>();
  /** The request that has the turn. undefined: nobody has it. */
  #holder: TurnRequest | undefined;
  /** Starts the next turn when a lane's pause ends. undefined: no lane is waited for. */
  #timer: NodeJS.Timeout | undefined;

  /**
   * Resolves to true when it is the caller's turn. The caller must then call `release`. Resolves to false if the lane
   * has no room.
   */
  acquire(request: TurnRequest): Promise<boolean> {
    return new Promise((settle) => {
      this.#findLane(request.lane).add({ request, settle });
      this.#startNext();
    });
  }

  /** Ends the turn of a request. Does nothing if the request does not have the turn. */
  release(request: TurnRequest, hasFailed: boolean): void {
    if (this.#holder !== request) return;
    this.#holder = undefined;
    if (hasFailed) this.#findLane(request.lane).recordFailure(performance.now());
    this.#startNext();
  }

  #findLane(name: string): TurnLane {
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = new TurnLane();
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  #startNext(): void {
    if (this.#holder !== undefined) return;
    clearTimeout(this.#timer);
    const now = performance.now();
    let shortestPauseMs = Number.POSITIVE_INFINITY;
    for (const [name, lane] of this.#lanes) {
      const pauseMs = lane.remainingPauseMs(now);
      if (lane.isEmpty) {
        if (!lane.hasDebt(now)) this.#lanes.delete(name);
      } else if (pauseMs > 0) shortestPauseMs = Math.min(shortestPauseMs, pauseMs);
      else {
        this.#startTurn(name, lane);
        return;
      }
    }
    if (shortestPauseMs < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.#startNext(), shortestPauseMs);
  }

  #startTurn(name: string, lane: TurnLane): void {
    this.#lanes.delete(name);
    this.#lanes.set(name, lane);
    const next = lane.takeNext();
    this.#holder = next?.request;
    next?.settle(true);
  }
}

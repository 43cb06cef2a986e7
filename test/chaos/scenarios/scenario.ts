/** Times of a disruption, in ms on the clock of performance.now(). */
export interface Disruption {
  readonly startedAt: number;
  /** When Redis could be reached again, or when the disruption was over. */
  readonly endedAt: number;
  /** When Redis lost all counters. undefined: it kept them. */
  readonly countersLostAt?: number;
}

/** A disruption of Redis while two nodes are under load. */
export interface Scenario<Servers> {
  /** Row title in docs/guarantees.md. */
  readonly name: string;
  /** Whether Redis can decide nothing between the start and the end of the disruption. */
  readonly isOutage: boolean;
  /**
   * Charges that Redis may forget. `newest`: those that it had not replicated before a failover; the nodes charge them
   * again. `ended`: those whose
   * window ends early because the clock jumps.
   */
  readonly loses: 'nothing' | 'ended' | 'newest' | 'everything';
  /** Runs before the load starts. */
  prepare?(servers: Servers): Promise<void>;
  /** Runs while the nodes are under load. */
  disrupt(servers: Servers): Promise<Disruption>;
}

/** A kind of Redis deployment, and the scenarios that run on it in this order. */
export interface RedisSetup<Servers> {
  readonly name: string;
  start(): Promise<Servers & RunningServers>;
  readonly scenarios: readonly Scenario<Servers>[];
}

export interface RunningServers {
  /** REDIS_URL for Weir. */
  readonly url: string;
  stop(): Promise<void>;
}

/** What happened when, in ms on the clock of performance.now(). */
export interface Course {
  readonly from: number;
  /** Redis can be reached again, or what was done to it is over. */
  readonly backAt: number;
  /** Redis lost all counters at this moment; undefined: it did not. */
  readonly lostAt?: number;
}

export interface Scenario<Servers> {
  readonly name: string;
  /** Whether Redis cannot decide from the one moment to the other. */
  readonly isOutage: boolean;
  /** Of what it was charged: `newest` is what a failover had not passed on yet, `ended` what ended ahead of time. */
  readonly loses: 'nothing' | 'ended' | 'newest' | 'everything';
  /** Ahead of the load. */
  prepare?(servers: Servers): Promise<void>;
  /** Does it to them while they are under load. */
  cause(servers: Servers): Promise<Course>;
}

/** Servers of one kind, and what is done to them in this order. */
export interface Place<Servers> {
  readonly name: string;
  open(): Promise<Servers & OpenedServers>;
  readonly scenarios: readonly Scenario<Servers>[];
}

export interface OpenedServers {
  /** For Weir. */
  readonly url: string;
  stop(): Promise<void>;
}

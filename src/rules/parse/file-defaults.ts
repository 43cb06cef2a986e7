/** How a file is read where Weir stands in for envoyproxy/ratelimit. */
export interface EnvoyproxyReading {
  /** Limits charge the requests that they reject, unless they say otherwise. */
  readonly chargesRejected: boolean;
  /** All rules are in quota mode. */
  readonly quotaMode: boolean;
}

/** Values for what the limits and rules of a file leave out. */
export interface FileDefaults {
  /** Algorithm of limits that name none. Empty: `parseLimit` chooses. */
  readonly algorithm: string;
  /** undefined: the file is read as docs/rules.md describes. */
  readonly envoyproxy?: EnvoyproxyReading | undefined;
}

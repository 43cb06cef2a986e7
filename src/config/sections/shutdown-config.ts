/** How a node stops. */
export interface ShutdownConfig {
  /** Time between the report of NOT_SERVING and the first GOAWAY, in which load balancers turn away. */
  readonly delayMs: number;
  /** Time that calls in progress have to finish after that. */
  readonly drainMs: number;
  /** Time that the whole stop may take. After that the process exits, whatever it still waits for. */
  readonly timeoutMs: number;
}

/** Endpoints of a Kubernetes service take seconds to change on all nodes. */
const KUBERNETES_DELAY_MS = 5_000;
const MAX_DRAIN_MS = 10_000;

/** Without `delayMs`, there is a delay under Kubernetes only. */
export function readShutdownConfig(
  { delayMs, timeoutMs }: { readonly delayMs: number | undefined; readonly timeoutMs: number },
  isOnKubernetes: boolean,
): ShutdownConfig {
  const delay = delayMs ?? (isOnKubernetes ? Math.min(KUBERNETES_DELAY_MS, timeoutMs / 2) : 0);
  // The other half is for what follows: counters, usage, and the embedded Postgres.
  return { delayMs: delay, drainMs: Math.min(MAX_DRAIN_MS, (timeoutMs - delay) / 2), timeoutMs };
}

/** Finds a delay that leaves no time for the stop itself. */
export function findShutdownFault(delayMs: number | undefined, timeoutMs: number): string | undefined {
  if (delayMs === undefined || delayMs < timeoutMs) return undefined;
  return `SHUTDOWN_TIMEOUT_MS: must be more than SHUTDOWN_DELAY_MS, which is a part of it (got "${timeoutMs}" and "${delayMs}")`;
}

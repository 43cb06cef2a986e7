import type { ServerResponse } from 'node:http';
import { METRICS_CONTENT_TYPE } from '../../telemetry/metrics/metric-families.ts';
import { type Routes, sendText } from '../serve-routes.ts';

/** The state of the node. Serializes to what `/status` answers. */
export interface NodeState {
  /** Why the node cannot be used yet or any more; empty when it is ready. */
  readonly reasons: readonly string[];
}

export interface OperationsSources {
  /** Reads the state of the node. Never rejects. */
  readState(): Promise<NodeState>;
  /** Reads the metrics in the format of Prometheus. */
  readMetrics(): Promise<string>;
}

/**
 * Creates the routes for operators:
 * - `/healthz`: the process is alive
 * - `/readyz`: 200 if it can decide, else 503 and the reasons
 * - `/status`: the state of the node, as JSON
 * - `/metrics`
 */
export function createOperationsRoutes(sources: OperationsSources): Routes {
  return {
    '/healthz': (response) => sendText(response, 200, 'ok\n'),
    '/readyz': (response) => sendReadiness(response, sources),
    '/status': (response) => sendStatus(response, sources),
    '/metrics': (response) => sendMetrics(response, sources),
  };
}

async function sendReadiness(response: ServerResponse, sources: OperationsSources): Promise<void> {
  const { reasons } = await sources.readState();
  if (reasons.length === 0) sendText(response, 200, 'ready\n');
  else sendText(response, 503, `not ready: ${reasons.join(', ')}\n`);
}

async function sendStatus(response: ServerResponse, sources: OperationsSources): Promise<void> {
  const state = await sources.readState();
  sendText(response, 200, `${JSON.stringify(state, undefined, 2)}\n`, 'application/json');
}

/** Answers with the metrics, or 500 if they cannot be read. */
export async function sendMetrics(
  response: ServerResponse,
  sources: Pick<OperationsSources, 'readMetrics'>,
): Promise<void> {
  try {
    sendText(response, 200, await sources.readMetrics(), METRICS_CONTENT_TYPE);
  } catch {
    sendText(response, 500, 'reading the metrics failed\n');
  }
}

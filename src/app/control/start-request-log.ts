import type { Config } from '../../config/config.ts';
import { isDatabaseUnavailable } from '../../database/database-errors.ts';
import { createQuery, type Database } from '../../database/open-database.ts';
import type { Logger } from '../../interfaces/logger.ts';
import { type AccessLogServer, startAccessLogServer } from '../../request-log/access-log-server.ts';
import { insertRequests } from '../../request-log/insert-requests.ts';
import { RequestLog } from '../../request-log/request-log.ts';
import type { ControlMetrics } from '../../telemetry/metrics/control-metrics.ts';
import { nameVariable } from '../name-variable.ts';

export interface RequestLogParts {
  readonly database: Database;
  readonly metrics: Pick<ControlMetrics, 'recordDroppedRequests'>;
  readonly log: Logger;
}

/** Starts to take Envoy's access log. Returns its port; undefined: the request log is off. */
export async function startRequestLog(
  { requestLog: { isOn, address } }: Config,
  { database, metrics, log }: RequestLogParts,
  resources: AsyncDisposableStack,
): Promise<number | undefined> {
  if (!isOn) return undefined;
  const query = createQuery(database);
  const requests = new RequestLog({
    write: (batch) => insertRequests(query, batch),
    isUnavailable: isDatabaseUnavailable,
    recordDropped: metrics.recordDroppedRequests,
    log,
  });
  resources.defer(() => requests.stop());
  const starting = startAccessLogServer({ ...address, receive: (batch) => requests.add(batch), log });
  const server: AccessLogServer = await nameVariable('REQUEST_LOG_ADDRESS', starting);
  resources.defer(() => server.stop());
  return server.port;
}

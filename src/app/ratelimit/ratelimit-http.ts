import type { RequestListener } from 'node:http';
import type { Address } from '../../config/formats.ts';
import type { RatelimitConfig } from '../../config/ratelimit/ratelimit-config.ts';
import { checkAnyJsonRequest } from '../../http/endpoints/check-json-request.ts';
import { JsonEndpoint } from '../../http/endpoints/json-endpoint.ts';
import { sendMetrics } from '../../http/endpoints/operations-routes.ts';
import { startHttpListener } from '../../http/http-listener.ts';
import { type Route, sendText, serveRoutes } from '../../http/serve-routes.ts';
import type { Logger } from '../../interfaces/logger.ts';
import { nameVariable } from '../name-variable.ts';

export interface RatelimitHttpSources {
  /** Whether probes succeed. */
  isServing(): boolean;
  /** The rules in force, for people. */
  describeRules(): string;
  readMetrics(): Promise<string>;
}

export interface RatelimitHttp {
  readonly ports: {
    readonly http: number;
    readonly debug: number;
    /** undefined: metrics are on `debug` alone. */
    readonly prometheus: number | undefined;
  };
  readonly json: JsonEndpoint;
}

/** Starts the HTTP servers: `/healthcheck` and `/json`; `/rlconfig` and `/metrics`; and the metrics on their own address. */
export async function startRatelimitHttp(
  { httpAddress, debugAddress, prometheus }: RatelimitConfig,
  { isServing, describeRules, readMetrics }: RatelimitHttpSources,
  log: Logger,
  resources: AsyncDisposableStack,
): Promise<RatelimitHttp> {
  const start = async (variable: string, address: Address, answer: RequestListener): Promise<number> => {
    const { port, stop } = await nameVariable(variable, startHttpListener({ address, log }, answer));
    resources.defer(stop);
    return port;
  };
  const json = new JsonEndpoint(checkAnyJsonRequest);
  const health = serveRoutes({
    '/healthcheck': (response) => (isServing() ? sendText(response, 200, 'OK') : sendText(response, 500, '')),
  });
  const metrics: Route = (response) => sendMetrics(response, { readMetrics });
  const answer: RequestListener = (request, response) =>
    (request.url?.split('?')[0] === '/json' ? json.answer : health)(request, response);
  const debug = serveRoutes({
    '/rlconfig': (response) => sendText(response, 200, describeRules()),
    '/metrics': metrics,
  });
  const ports = {
    http: await start('PORT', httpAddress, answer),
    debug: await start('DEBUG_PORT', debugAddress, debug),
    prometheus:
      prometheus && (await start('PROMETHEUS_ADDR', prometheus.address, serveRoutes({ [prometheus.path]: metrics }))),
  };
  return { ports, json };
}

import type { RequestListener } from 'node:http';
import type { Config } from '../../config/config.ts';
import { ConsoleEndpoint } from '../../http/console/console-endpoint.ts';
import { serveConsoleFiles } from '../../http/console/console-files.ts';
import { createApiDocsRoutes } from '../../http/endpoints/api-docs-routes.ts';
import { ApiEndpoint } from '../../http/endpoints/api-endpoint.ts';
import { ApiGate } from '../../http/endpoints/api-gate.ts';
import { checkJsonRequest } from '../../http/endpoints/check-json-request.ts';
import { JsonEndpoint } from '../../http/endpoints/json-endpoint.ts';
import { KeySetEndpoint } from '../../http/endpoints/key-set-endpoint.ts';
import { createOperationsRoutes, type OperationsSources } from '../../http/endpoints/operations-routes.ts';
import { QuotaEndpoint } from '../../http/endpoints/quota-endpoint.ts';
import { createSecurityTxtRoute } from '../../http/endpoints/security-txt.ts';
import { StripeEndpoint } from '../../http/endpoints/stripe-endpoint.ts';
import { type HttpListenerOptions, startHttpListener } from '../../http/http-listener.ts';
import { serveRoutes, serveSites } from '../../http/serve-routes.ts';
import type { Logger } from '../../interfaces/logger.ts';
import type { ListenerMetrics } from '../../telemetry/metrics/parts/listener-metrics.ts';
import { nameVariable } from '../name-variable.ts';

/** The beginning of the paths of all methods of the admin API. */
const API_PREFIX = '/weir.admin.v1.';
/** Where scripts/setup.mjs puts the files of the page /docs. */
const API_DOCS_FOLDER = new URL('../../generated/api-docs/', import.meta.url);

/** Where the build puts the files of the console; this file is in src/ or in dist/src/. */
const CONSOLE_FOLDER = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/console/' : '../../../console/',
  import.meta.url,
);

/** The servers of HTTP_ADDRESS and, where these are set, METRICS_ADDRESS and JSON_ADDRESS. */
export interface HttpServers {
  readonly ports: HttpPorts;
  readonly keySet: KeySetEndpoint;
  readonly json: JsonEndpoint;
  readonly quota: QuotaEndpoint;
  /** undefined: off. */
  readonly stripe: StripeEndpoint | undefined;
  /** Takes the handler of the admin API; undefined: off. */
  readonly api: ApiGate | undefined;
  /** undefined: off. */
  readonly console: ConsoleEndpoint | undefined;
}

export interface HttpPorts {
  readonly http: number;
  /** undefined: probes and metrics are on `http`. */
  readonly metrics: number | undefined;
  /** undefined: off. */
  readonly json: number | undefined;
}

interface HttpServerParts {
  readonly sources: OperationsSources;
  readonly listeners: ListenerMetrics;
  readonly log: Logger;
}

/** Starts the servers for the key set, for quotas, for probes and metrics, and for JSON. */
export async function startHttpServers(
  config: Config,
  { sources, listeners, log }: HttpServerParts,
  resources: AsyncDisposableStack,
): Promise<HttpServers> {
  const { httpAddress, httpApi, metricsAddress, jsonAddress, tls, stripeWebhookSecret, securityContact, role } = config;
  const start = async (
    name: 'http' | 'metrics' | 'json',
    answer: RequestListener,
    listener: Omit<HttpListenerOptions, 'log'>,
  ): Promise<number> => {
    const starting = startHttpListener({ ...listener, log }, answer);
    const server = await nameVariable(`${name.toUpperCase()}_ADDRESS`, starting);
    listeners.add(name, server);
    resources.defer(() => server.stop());
    return server.port;
  };
  const operations = createOperationsRoutes(sources);
  const keySet = new KeySetEndpoint();
  const quota = new QuotaEndpoint();
  const stripe = stripeWebhookSecret === undefined || role === 'decision' ? undefined : new StripeEndpoint();
  const { api, console, sites } = createApiSites(config);
  const apiDocs = httpApi === undefined ? {} : createApiDocsRoutes(API_DOCS_FOLDER);
  const securityTxt = securityContact === undefined ? {} : createSecurityTxtRoute(securityContact);
  const forClients = { ...keySet.routes, ...quota.routes, ...stripe?.routes, ...apiDocs, ...securityTxt };
  const publicRoutes = metricsAddress === undefined ? { ...operations, ...forClients } : forClients;
  const answer = serveSites(sites, serveRoutes(publicRoutes));
  const json = new JsonEndpoint((request) => checkJsonRequest(request, jsonAddress?.host));
  const httpTls = listeners.observeTls('http', tls.http);
  const ports = {
    http: await start('http', answer, { address: httpAddress, tls: httpTls }),
    metrics: metricsAddress && (await start('metrics', serveRoutes(operations), { address: metricsAddress })),
    json: jsonAddress && (await start('json', json.answer, { address: jsonAddress })),
  };
  return { ports, keySet, json, quota, stripe, api, console };
}

/** Creates what answers for the admin API and the console, as far as these are on. */
function createApiSites({ httpApi, tls, trustedProxies }: Config) {
  if (httpApi === undefined) return { api: undefined, console: undefined, sites: [] };
  const api = new ApiGate();
  const endpoint = new ApiEndpoint(API_PREFIX, httpApi.corsOrigins, api);
  if (!httpApi.hasConsole) return { api, console: undefined, sites: [endpoint] };
  const settings = { isTls: tls.http !== undefined, trustedProxies };
  const console = new ConsoleEndpoint({ ...settings, gate: api, files: serveConsoleFiles(CONSOLE_FOLDER) });
  return { api, console, sites: [endpoint, console] };
}

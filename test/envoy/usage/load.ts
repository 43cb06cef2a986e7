import { AUTHZ_AND_RATE_LIMIT_PATH, AUTHZ_ONLY_PATH, createRequestWithKey } from '../../../demo/checks/check.ts';
import type { EnvoyChange } from '../../../demo/envoy-configuration.ts';
import { sendOverHttp1 } from '../../../demo/http-clients.ts';
import type { ClientLedger } from './client-ledger.ts';

const CONCURRENT_REQUESTS = 4;
const MODEL_PATH = '/model/completions';
/** Tokens that a request reserves, and those that it then takes: fewer, as many, and more. */
const RESERVED_TOKENS = 100;
const USED_TOKENS = [30, 100, 250] as const;

/** Secrets of the keys that send requests. */
export interface LoadKeys {
  /** Keys that are charged one hit for each request. Some have a limit that is soon used up. */
  readonly metered: readonly string[];
  /** A key that is settled for the tokens that its requests take. */
  readonly model: string;
}

/**
 * Adds a route whose requests reserve tokens and are settled for others. Headers say how many, in place of the bodies of
 * requests and responses (envoy/token-budgets/).
 */
export const addModelRoute: EnvoyChange = (configuration) => {
  const routes = configuration.getIn(ROUTES);
  if (!isSequence(routes)) throw new Error(`Envoy configuration: ${ROUTES.join('.')} must be a list`);
  routes.items.unshift(configuration.createNode(MODEL_ROUTE));
};

const ROUTES = [
  ...['static_resources', 'listeners', 0, 'filter_chains', 0, 'filters', 0, 'typed_config'],
  ...['route_config', 'virtual_hosts', 0, 'routes'],
];

const readMetadata = (filter: string, key: string, descriptorKey: string) => ({
  metadata: {
    ...{ descriptor_key: descriptorKey, source: 'DYNAMIC' },
    metadata_key: { key: filter, path: [{ key }] },
  },
});

const MODEL_ROUTE = {
  name: 'model',
  match: { path_separated_prefix: '/model' },
  route: { cluster: 'upstream' },
  typed_per_filter_config: {
    'envoy.filters.http.ext_authz': {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute',
      check_settings: { context_extensions: { 'weir.rate_limit': 'off' } },
    },
    'envoy.filters.http.ratelimit': {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute',
      rate_limits: [
        {
          hits_addend: { format: '%REQ(x-reserved-tokens)%' },
          actions: [readMetadata('envoy.filters.http.ext_authz', 'api_key', 'api_key')],
        },
        {
          apply_on_stream_done: true,
          hits_addend: { format: '%REQ(x-used-tokens)%' },
          actions: [readMetadata('envoy.filters.http.ratelimit', 'receipt', 'receipt')],
        },
      ],
    },
  },
};

function isSequence(node: unknown): node is { readonly items: unknown[] } {
  return typeof node === 'object' && node !== null && 'items' in node && Array.isArray(node.items);
}

/** Sends requests of several kinds until it is stopped, and enters their answers into the ledger. */
export class Load {
  /** Answers that neither Weir nor the upstream gave, and requests without an answer. */
  readonly failures: string[] = [];
  readonly #origin: string;
  readonly #keys: LoadKeys;
  readonly #ledger: ClientLedger;
  #isStopped = false;
  #running: Promise<unknown> = Promise.resolve();

  private constructor(origin: string, keys: LoadKeys, ledger: ClientLedger) {
    this.#origin = origin;
    this.#keys = keys;
    this.#ledger = ledger;
  }

  static start(origin: string, keys: LoadKeys, ledger: ClientLedger): Load {
    const load = new Load(origin, keys, ledger);
    load.#running = Promise.all(Array.from({ length: CONCURRENT_REQUESTS }, () => load.#sendRequests()));
    return load;
  }

  /** Resolves once all requests are answered. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  async #sendRequests(): Promise<void> {
    while (!this.#isStopped) {
      for (const path of [AUTHZ_ONLY_PATH, AUTHZ_AND_RATE_LIMIT_PATH]) {
        for (const secret of this.#keys.metered) await this.#send(path, secret);
      }
      for (const used of USED_TOKENS) await this.#sendToModel(used);
    }
  }

  async #send(path: string, secret: string): Promise<void> {
    const request = createRequestWithKey(path, { secret });
    if ((await this.#request(request)) === 200) this.#ledger.add({ allowed: 1, hits: 1 });
  }

  /** Envoy settles the request once it has answered it. */
  async #sendToModel(used: number): Promise<void> {
    const headers = [
      ['x-api-key', this.#keys.model],
      ['x-reserved-tokens', String(RESERVED_TOKENS)],
      ['x-used-tokens', String(used)],
    ] as const;
    if ((await this.#request({ path: MODEL_PATH, headers }, used)) !== 200) return;
    this.#ledger.add({ allowed: 1, hits: RESERVED_TOKENS });
    this.#ledger.add({ hits: used - RESERVED_TOKENS });
  }

  /** Returns the status. Enters all answers but 200. */
  async #request(request: Parameters<typeof sendOverHttp1>[1], hits = 1): Promise<number> {
    const answer = await sendOverHttp1(this.#origin, request).catch((error: Error) => ({
      status: 0,
      body: error.message,
    }));
    if (answer.status === 429) this.#ledger.add({ refused: 1 });
    else if (answer.status === 401) this.#ledger.add({ denied: 1 });
    else if (answer.status !== 200) {
      this.failures.push(`${request.path}: ${answer.status} ${answer.body}`);
      this.#ledger.addUncertain({ allowed: 1, refused: 1, denied: 1, hits: Math.max(hits, RESERVED_TOKENS) });
    }
    return answer.status;
  }
}

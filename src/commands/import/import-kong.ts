import { parse, stringify } from 'yaml';
import {
  type ImportedFile,
  type ImportResult,
  type InputMapping,
  isInputMapping,
  noteUnreadFields,
  readMappings,
  readText,
} from './import-result.ts';
import { type KongLimit, readKongLimits, readLimitBy } from './kong-limits.ts';

const RATE_LIMITING = ['rate-limiting', 'rate-limiting-advanced'];
/** Calls of ImportApiKeys take so many keys. */
const MAX_KEYS_PER_CALL = 1000;
const KEY_LENGTH = { min: 16, max: 256 };
/** The plan of the plugins that apply to all consumers. */
const DEFAULT_PLAN = 'kong';

/** The owner of plugins. Empty: they apply to all requests. */
interface PluginScope {
  readonly service?: string | undefined;
  readonly route?: string | undefined;
  /** A consumer, or a group of them. */
  readonly plan?: string | undefined;
}

interface ImportedKey {
  readonly secret: string;
  readonly displayName: string;
  readonly plan?: string;
}

const ROUTING =
  'services, routes: Envoy routes requests; set weir.route on each of its routes to the name that it has here';

interface ImportedPlan {
  readonly planId: string;
  readonly plan: { readonly displayName: string; readonly limits: readonly KongLimit[] };
}

/**
 * `weir import kong`: turns a file of deck into plans, keys, rules of the domain `edge`, and variables: the plugins
 * `rate-limiting`, `rate-limiting-advanced` and `key-auth`. A note says what else the file has.
 */
export function importKong(text: string): ImportResult {
  const input: unknown = parse(text);
  if (!isInputMapping(input)) return { files: [], notes: ['the file must be a mapping, as deck writes it'] };
  return new KongImport(input).run();
}

class KongImport {
  readonly #input: InputMapping;
  readonly #notes: string[] = [];
  readonly #plans = new Map<string, ImportedPlan>();
  readonly #keys: ImportedKey[] = [];
  /** Limits of addresses: of all requests, and by route. */
  readonly #edge = new Map<string | undefined, KongLimit[]>();
  readonly #keySources = new Set<string>();

  constructor(input: InputMapping) {
    this.#input = input;
  }

  run(): ImportResult {
    const { plugins, services, routes, consumers, consumer_groups: groups } = this.#input;
    const read = ['_format_version', '_transform', 'plugins', 'services', 'routes', 'consumers', 'consumer_groups'];
    noteUnreadFields(this.#input, read, 'file', this.#notes);
    if (services !== undefined || routes !== undefined) this.#notes.push(ROUTING);
    this.#readPlugins(plugins, 'plugins', {});
    for (const [path, service] of this.#list(services, 'services')) {
      this.#readPlugins(service.plugins, `${path}.plugins`, { service: nameOf(service) });
      for (const [routePath, route] of this.#list(service.routes, `${path}.routes`)) this.#readRoute(route, routePath);
    }
    for (const [path, route] of this.#list(routes, 'routes')) this.#readRoute(route, path);
    for (const [path, group] of this.#list(groups, 'consumer_groups')) {
      this.#readPlugins(group.plugins, `${path}.plugins`, { plan: nameOf(group) });
    }
    for (const [path, consumer] of this.#list(consumers, 'consumers')) this.#readConsumer(consumer, path);
    return { files: this.#createFiles(), notes: this.#notes };
  }

  #readRoute(route: InputMapping, path: string): void {
    this.#readPlugins(route.plugins, `${path}.plugins`, { route: nameOf(route) });
  }

  #readPlugins(value: unknown, path: string, scope: PluginScope): void {
    for (const [pluginPath, plugin] of this.#list(value, path)) {
      const name = readText(plugin.name) ?? '';
      const config = isInputMapping(plugin.config) ? plugin.config : {};
      if (plugin.enabled === false) this.#notes.push(`${pluginPath}: ${name} is disabled; it is not carried over`);
      else if (RATE_LIMITING.includes(name)) this.#readRateLimiting(config, pluginPath, scope);
      else if (name === 'key-auth') this.#readKeyAuth(config, pluginPath);
      else this.#notes.push(`${pluginPath}: the plugin ${name} is not carried over`);
    }
  }

  #readRateLimiting(config: InputMapping, path: string, scope: PluginScope): void {
    const limitBy = readLimitBy(config);
    const limits = readKongLimits(config, path, this.#notes);
    const { service, route, plan } = scope;
    const isByConsumer = limitBy === 'consumer' || limitBy === 'credential';
    if (limits.length === 0) this.#notes.push(`${path}: has no limits`);
    else if (plan !== undefined && isByConsumer) this.#addPlan(plan, limits);
    else if (limitBy === 'ip' && plan === undefined && service === undefined) this.#addEdgeLimits(route, limits);
    else if (isByConsumer && service === undefined && route === undefined) {
      this.#addPlan(DEFAULT_PLAN, limits);
    } else {
      this.#notes.push(
        `${path}: limits by ${limitBy}${describeScope(scope)} are not carried over; write rules for them`,
      );
    }
  }

  #addPlan(id: string, limits: readonly KongLimit[]): void {
    const earlier = this.#plans.get(id)?.plan.limits ?? [];
    this.#plans.set(id, { planId: toPlanId(id), plan: { displayName: id, limits: [...earlier, ...limits] } });
  }

  #addEdgeLimits(route: string | undefined, limits: readonly KongLimit[]): void {
    this.#edge.set(route, [...(this.#edge.get(route) ?? []), ...limits]);
  }

  #readKeyAuth(config: InputMapping, path: string): void {
    const names = Array.isArray(config.key_names) ? config.key_names.map(String) : ['apikey'];
    for (const name of names) {
      if (config.key_in_header !== false) this.#keySources.add(`header:${name}`);
      if (config.key_in_query !== false) this.#keySources.add(`query:${name}`);
    }
    if (config.key_in_body === true) this.#notes.push(`${path}.config.key_in_body: Weir reads no keys from bodies`);
    if (config.anonymous) {
      this.#notes.push(
        `${path}.config.anonymous: set weir.auth: optional on the routes that anonymous requests may use`,
      );
    }
    if (config.hide_credentials === false) {
      this.#notes.push(`${path}.config.hide_credentials: Weir always removes credentials before the upstream`);
    }
    const read = ['key_names', 'key_in_header', 'key_in_query', 'key_in_body', 'anonymous', 'hide_credentials'];
    noteUnreadFields(config, read, `${path}.config`, this.#notes);
  }

  #readConsumer(consumer: InputMapping, path: string): void {
    const displayName = readText(consumer.username) ?? readText(consumer.custom_id) ?? nameOf(consumer) ?? 'consumer';
    const read = ['username', 'custom_id', 'id', 'tags', 'plugins', 'groups', 'keyauth_credentials'];
    noteUnreadFields(consumer, read, path, this.#notes);
    this.#readPlugins(consumer.plugins, `${path}.plugins`, { plan: displayName });
    const plan = this.#findPlan(consumer, displayName, path);
    const credentials = this.#list(consumer.keyauth_credentials, `${path}.keyauth_credentials`);
    if (credentials.length > 1) {
      this.#notes.push(`${path}: ${displayName} has several keys; each of them has the limits by itself`);
    }
    for (const [keyPath, credential] of credentials) this.#readKey(credential, keyPath, displayName, plan);
  }

  /** The plan of the consumer itself, else that of its group, else that of all consumers. */
  #findPlan({ groups }: InputMapping, name: string, path: string): ImportedPlan | undefined {
    const names = readMappings(groups, `${path}.groups`, this.#notes).flatMap((group) => nameOf(group) ?? []);
    if (names.length > 1) this.#notes.push(`${path}.groups: a key has one plan; that of ${names[0]} is used`);
    const found = [name, ...names, DEFAULT_PLAN].find((candidate) => this.#plans.has(candidate));
    return found === undefined ? undefined : this.#plans.get(found);
  }

  #readKey(credential: InputMapping, path: string, displayName: string, plan: ImportedPlan | undefined): void {
    const secret = readText(credential.key);
    noteUnreadFields(credential, ['key', 'id', 'tags'], path, this.#notes);
    if (secret === undefined || secret.length < KEY_LENGTH.min || secret.length > KEY_LENGTH.max) {
      this.#notes.push(`${path}.key: must have ${KEY_LENGTH.min} to ${KEY_LENGTH.max} characters to be imported`);
      return;
    }
    this.#keys.push({ secret, displayName, ...(plan !== undefined && { plan: `plans/${plan.planId}` }) });
  }

  #createFiles(): readonly ImportedFile[] {
    const files: ImportedFile[] = [];
    if (this.#plans.size > 0) files.push(jsonFile('plans.json', [...this.#plans.values()]));
    for (let first = 0; first < this.#keys.length; first += MAX_KEYS_PER_CALL) {
      const apiKeys = this.#keys.slice(first, first + MAX_KEYS_PER_CALL);
      files.push(jsonFile(`keys-${first / MAX_KEYS_PER_CALL + 1}.json`, { apiKeys }));
    }
    if (this.#edge.size > 0) files.push({ name: 'edge.yaml', text: stringify(this.#createEdgeRules()) });
    if (this.#keySources.size > 0) {
      const sources = [...this.#keySources].join(',');
      files.push({ name: 'weir.env', text: `API_KEY_SOURCES=${sources}\n` });
    }
    return files;
  }

  #createEdgeRules(): object {
    const descriptors = [...this.#edge].map(([route, limits]) => {
      const ofAddress = { key: 'remote_address', limits };
      return route === undefined ? ofAddress : { key: 'route', value: route, descriptors: [ofAddress] };
    });
    return { domain: 'edge', descriptors };
  }

  /** Lists mappings with their paths. */
  #list(value: unknown, path: string): readonly (readonly [path: string, item: InputMapping])[] {
    return readMappings(value, path, this.#notes).map((item, index) => [`${path}[${nameOf(item) ?? index}]`, item]);
  }
}

function describeScope({ service, route, plan }: PluginScope): string {
  if (plan !== undefined) return ` for ${plan}`;
  if (route !== undefined) return ` for the route ${route}`;
  return service === undefined ? '' : ` for the service ${service}`;
}

function nameOf({ name, username }: InputMapping): string | undefined {
  return readText(name) ?? readText(username);
}

/** Ids of plans have 1 to 63 characters of a-z, 0-9 and `-`, and begin with a letter. */
function toPlanId(name: string): string {
  const id = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 63);
  return id.replace(/-+$/, '') || 'plan';
}

function jsonFile(name: string, value: unknown): ImportedFile {
  return { name, text: `${JSON.stringify(value, undefined, 2)}\n` };
}

import { BoundedMap } from '../../collections/bounded-map.ts';
import { decodePath, isAmbiguousPath } from './ambiguous-path.ts';
import { PathSegments } from './path-segments.ts';
import { DEFAULT_ROUTE_POLICY, type Route, type RoutePolicy } from './route.ts';
import { RouteTrie } from './route-trie.ts';

/** The result for a path that could be read in two ways. */
export const AMBIGUOUS_PATH = Symbol('ambiguous path');

/** Key of the routes for every host. */
const EVERY_HOST = '';
/** Clients choose hosts freely, so those that were looked up are forgotten from time to time. */
const MAX_CACHED_HOSTS = 256;
/** Length of the longest name that DNS and a table can have. */
const MAX_HOST_LENGTH = 253;

/** The routes of a service. Finds the one of a request by its host, its method and its path. */
export class RouteTable {
  readonly policy: RoutePolicy;
  /** By host. `*.example.com` is here as `.example.com`. */
  readonly #byHost = new Map<string, RouteTrie>();
  /** The tries that apply to a host as it was sent, in order of precedence. */
  readonly #cachedTries = new BoundedMap<string, readonly RouteTrie[]>(MAX_CACHED_HOSTS, 'clear');
  readonly #segments = new PathSegments();
  #size = 0;

  constructor(policy: RoutePolicy = DEFAULT_ROUTE_POLICY) {
    this.policy = policy;
  }

  /** Number of routes. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds a route, before the first search. Returns the route that has one of its hosts, its path and one of its methods
   * already.
   */
  add(route: Route): Route | undefined {
    const hosts = route.hosts.length === 0 ? [EVERY_HOST] : route.hosts.map((host) => host.replace(/^\*/, ''));
    for (const host of hosts) {
      let trie = this.#byHost.get(host);
      if (trie === undefined) {
        trie = new RouteTrie();
        this.#byHost.set(host, trie);
      }
      const other = trie.add(route);
      if (other !== undefined) return other;
    }
    this.#size++;
    return undefined;
  }

  /**
   * Finds the route of a request. `host` may have a port, `path` a query. Routes of the host come first, then those of
   * its longest `*` name, then those for every host; among them, the one with the most literal segments wins. Literals are
   * compared with the percent-decoded segments of the path. undefined: no route matches.
   */
  find(host: string, method: string, path: string): Route | typeof AMBIGUOUS_PATH | undefined {
    const isStrict = this.policy.ambiguousPaths === 'deny';
    if (!path.startsWith('/')) {
      // OPTIONS * and CONNECT have no path. Envoy sends every other request with one.
      return isStrict && path !== '' && path !== '*' ? AMBIGUOUS_PATH : undefined;
    }
    const segments = this.#segments;
    if (!segments.readPlain(path)) {
      const pathname = removeQuery(path);
      if (isStrict && isAmbiguousPath(pathname)) return AMBIGUOUS_PATH;
      segments.readDecoded(decodePath(pathname));
    }
    const tries = this.#findTries(host);
    const { count } = segments;
    const route = findInOrder(tries, segments, count, method);
    if (!isStrict || count === 1 || !segments.isLastEmpty || endsWithSlash(route)) return route;
    // Many servers ignore a slash at the end. That is harmless unless the path is another route without it.
    return findInOrder(tries, segments, count - 1, method) === route ? route : AMBIGUOUS_PATH;
  }

  #findTries(host: string): readonly RouteTrie[] {
    let tries = this.#cachedTries.get(host);
    if (tries === undefined) {
      tries = this.#listTries(normalizeHost(host));
      if (host.length <= MAX_HOST_LENGTH) this.#cachedTries.set(host, tries);
    }
    return tries;
  }

  #listTries(host: string): readonly RouteTrie[] {
    const names = [host];
    // A client can send 60 KB of dots. Longer ends of the host are no names of the table.
    const first = Math.max(0, host.length - MAX_HOST_LENGTH);
    for (let dot = host.indexOf('.', first); dot >= 0; dot = host.indexOf('.', dot + 1)) names.push(host.slice(dot));
    if (host !== EVERY_HOST) names.push(EVERY_HOST);
    return names.flatMap((name) => this.#byHost.get(name) ?? []);
  }
}

function findInOrder(
  tries: readonly RouteTrie[],
  segments: PathSegments,
  count: number,
  method: string,
): Route | undefined {
  for (const trie of tries) {
    const route = trie.find(segments, count, method);
    if (route !== undefined) return route;
  }
  return undefined;
}

function endsWithSlash(route: Route | undefined): boolean {
  const last = route?.segments.at(-1);
  return last?.kind === 'literal' && last.text === '';
}

function removeQuery(path: string): string {
  const query = path.indexOf('?');
  return query < 0 ? path : path.slice(0, query);
}

const PORT_OR_DOT = /\.?(?::\d*)?$/;

/** Removes port and final dot, and writes the host in lower case. */
function normalizeHost(host: string): string {
  return host.replace(PORT_OR_DOT, '').toLowerCase();
}

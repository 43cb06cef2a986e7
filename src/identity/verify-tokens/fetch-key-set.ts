import type { Issuer } from '../../domain/issuers/issuer.ts';
import type { JsonWebKey, JsonWebKeySet } from '../../domain/issuers/issuer-keys.ts';
import { type HostList, hasHost, isLoopback, validateKeyUrl } from '../../domain/issuers/key-url.ts';
import { showClaim } from '../../domain/tokens/show-claim.ts';
import { fetchDocument } from './fetch-document.ts';

const FETCH_TIMEOUT_MS = 5_000;
const MAX_KEYS = 100;

export interface FetchOptions {
  /** Hosts from which keys may be fetched over plain http, for issuers that say so. */
  readonly insecureHosts: HostList;
  /** Hosts that may have addresses which are not of the public Internet. */
  readonly privateHosts: HostList;
  /** Ends the fetch early. undefined: each request may take 5 s. */
  readonly signal?: AbortSignal;
}

/**
 * Fetches the keys of an issuer, from its URL of keys or from the one that OIDC discovery names. Rejects with an error
 * whose message is for the log.
 */
export async function fetchKeySet(issuer: Issuer, options: FetchOptions): Promise<JsonWebKeySet> {
  const { keys } = issuer;
  if (keys.kind === 'static') return keys.jwks;
  return fetchKeys(issuer, keys.kind === 'jwks_uri' ? keys.uri : await discoverKeyUrl(issuer, options), options);
}

/** Fetches the keys from a URL that the issuer or its configuration names. */
export async function fetchKeys(issuer: Issuer, url: string, options: FetchOptions): Promise<JsonWebKeySet> {
  return readKeySet(await fetchJson(issuer, url, options), url);
}

/**
 * Reads the URL of the keys from the configuration of the issuer (OpenID Connect Discovery 1.0, section 4). The
 * configuration must name exactly this issuer or one of its aliases, else it belongs to another one.
 */
export async function discoverKeyUrl(issuer: Issuer, options: FetchOptions): Promise<string> {
  const { issuer: iss, aliases } = issuer;
  const url = `${iss.endsWith('/') ? iss.slice(0, -1) : iss}/.well-known/openid-configuration`;
  const configuration = await fetchJson(issuer, url, options);
  if (!isObject(configuration)) throw new Error(`${url}: must respond with a JSON object`);
  const { issuer: found, jwks_uri: keyUrl } = configuration;
  if (found !== iss && !aliases.some((alias) => alias === found)) {
    const expected = [iss, ...aliases].map(showClaim).join(' or ');
    throw new Error(`${url}: issuer: expected ${expected}, found ${showClaim(found)}`);
  }
  if (typeof keyUrl !== 'string') throw new Error(`${url}: must have a jwks_uri (found ${showClaim(keyUrl)})`);
  // Only a document of this machine may name a server of this machine in clear.
  const isHttpAllowed = (named: URL) =>
    isAllowedHost(issuer, named, options) || (isLoopback(new URL(url)) && isLoopback(named));
  const fault = validateKeyUrl(keyUrl, isHttpAllowed);
  if (fault !== undefined) throw new Error(`${url}: jwks_uri: ${fault} (found ${showClaim(keyUrl)})`);
  return keyUrl;
}

function isAllowedHost({ insecureHttp }: Issuer, url: URL, { insecureHosts }: FetchOptions): boolean {
  return insecureHttp && hasHost(insecureHosts, url);
}

async function fetchJson(issuer: Issuer, url: string, options: FetchOptions): Promise<unknown> {
  const fault = validateKeyUrl(url, (parsed) => isLoopback(parsed) || isAllowedHost(issuer, parsed, options));
  if (fault !== undefined) throw new Error(`${showClaim(url)}: ${fault}`);
  const parsed = new URL(url);
  const allowsPrivate = hasHost(options.privateHosts, parsed) || isAllowedHost(issuer, parsed, options);
  const signals = [AbortSignal.timeout(FETCH_TIMEOUT_MS), ...(options.signal ? [options.signal] : [])];
  const text = await fetchDocument({ url: parsed, allowsPrivate, signal: AbortSignal.any(signals) });
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${url}: must respond with JSON`);
  }
}

/** Leaves out secrets: what anyone can fetch is not secret. */
function readKeySet(set: unknown, url: string): JsonWebKeySet {
  if (!isObject(set) || !Array.isArray(set.keys)) throw new Error(`${url}: must respond with a JSON Web Key Set`);
  const keys = set.keys.filter((key): key is JsonWebKey => isObject(key) && typeof key.kty === 'string');
  return { keys: keys.filter(({ kty }) => kty !== 'oct').slice(0, MAX_KEYS) };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

import type { Issuer } from '../../domain/issuers/issuer.ts';
import type { JsonWebKey, JsonWebKeySet } from '../../domain/issuers/issuer-keys.ts';
import { hasHost, type InsecureHosts, isLoopback, validateKeyUrl } from '../../domain/issuers/key-url.ts';
import { showClaim } from '../../domain/tokens/show-claim.ts';

const FETCH_TIMEOUT_MS = 5_000;
const MAX_RESPONSE_BYTES = 512 * 1024;
const MAX_KEYS = 100;
const MAX_DESCRIPTION_LENGTH = 1_000;

export interface FetchOptions {
  /** Hosts from which keys may be fetched over plain http, for issuers that say so. */
  readonly insecureHosts: InsecureHosts;
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

/** Describes an error of this file in bounded, printable text, with its cause: `fetch` itself only says "fetch failed". */
export function describeFetchError(error: unknown): string {
  const { message, cause } = error instanceof Error ? error : { message: String(error), cause: undefined };
  if (!(cause instanceof Error)) return makePrintable(message);
  // An AggregateError, of all addresses of a host, has only a code.
  const reason = cause.message || ('code' in cause ? String(cause.code) : cause.name);
  return makePrintable(`${message}: ${reason}`);
}

function makePrintable(text: string): string {
  return text.slice(0, MAX_DESCRIPTION_LENGTH).replaceAll(/[^\x20-\x7e]/g, '?');
}

function isAllowedHost({ insecureHttp }: Issuer, url: URL, { insecureHosts }: FetchOptions): boolean {
  return insecureHttp && hasHost(insecureHosts, url);
}

async function fetchJson(issuer: Issuer, url: string, options: FetchOptions): Promise<unknown> {
  const fault = validateKeyUrl(url, (parsed) => isLoopback(parsed) || isAllowedHost(issuer, parsed, options));
  if (fault !== undefined) throw new Error(`${showClaim(url)}: ${fault}`);
  const signals = [AbortSignal.timeout(FETCH_TIMEOUT_MS), ...(options.signal ? [options.signal] : [])];
  // A redirect could lead anywhere, even to plain http.
  const response = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.any(signals),
    headers: { accept: 'application/json' },
  });
  const text = await readBody(response, url);
  if (response.status !== 200) throw new Error(`${url}: must respond with status 200 (got ${response.status})`);
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${url}: must respond with JSON`);
  }
}

async function readBody({ body }: Response, url: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    // Leaving the loop cancels the rest of the response.
    if (length > MAX_RESPONSE_BYTES) throw new Error(`${url}: must respond with at most ${MAX_RESPONSE_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
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

import type { Issuer } from '../../domain/tokens/issuer.ts';
import { type JsonWebKey, type JsonWebKeySet, validateKeyUrl } from '../../domain/tokens/issuer-keys.ts';

const FETCH_TIMEOUT_MS = 5_000;
const MAX_RESPONSE_BYTES = 512 * 1024;
const MAX_KEYS = 100;

/**
 * Fetches the keys of an issuer, from its URL of keys or from the one that OIDC discovery names. Rejects with an error
 * whose message is for the log. The message never repeats what another party's server sent.
 */
export async function fetchKeySet(issuer: Issuer): Promise<JsonWebKeySet> {
  const { keys } = issuer;
  if (keys.kind === 'static') return keys.jwks;
  const url = keys.kind === 'jwks_uri' ? keys.uri : await discoverKeyUrl(issuer);
  return readKeySet(await fetchJson(url), url);
}

/**
 * Reads the URL of the keys from the configuration of the issuer (OpenID Connect Discovery 1.0, section 4). The
 * configuration must name exactly this issuer or one of its aliases, else it belongs to another one.
 */
async function discoverKeyUrl({ issuer, aliases }: Issuer): Promise<string> {
  const url = `${issuer.endsWith('/') ? issuer.slice(0, -1) : issuer}/.well-known/openid-configuration`;
  const configuration = await fetchJson(url);
  if (!isObject(configuration) || ![issuer, ...aliases].some((name) => name === configuration.issuer)) {
    throw new Error(`${url}: must be the configuration of ${issuer} (got that of another issuer)`);
  }
  const { jwks_uri: keyUrl } = configuration;
  if (typeof keyUrl !== 'string') throw new Error(`${url}: must have a jwks_uri`);
  return keyUrl;
}

async function fetchJson(url: string): Promise<unknown> {
  // Validated here too, because nobody has validated the URL that discovery names.
  const fault = validateKeyUrl(url);
  if (fault !== undefined) throw new Error(`${url}: ${fault}`);
  // A redirect could lead anywhere, even to plain http.
  const response = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
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

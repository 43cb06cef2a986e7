import type { Issuer } from '../../domain/tokens/issuer.ts';
import type { JsonWebKey, JsonWebKeySet } from '../../domain/tokens/issuer-keys.ts';
import { validateKeyUrl } from '../../domain/tokens/issuer-keys.ts';

const DEADLINE_MS = 5_000;
const LONGEST_ANSWER = 512 * 1024;
const MOST_KEYS = 100;

/**
 * Fetches the keys of an issuer, from where it says or where OIDC discovery tells. Rejects with an error whose message
 * is for the log: what an answer of somebody else's server holds is not repeated.
 */
export async function fetchKeySet({ issuer, keys }: Issuer): Promise<JsonWebKeySet> {
  if (keys.kind === 'static') return keys.jwks;
  return readKeySet(await fetchJson(keys.kind === 'jwks_uri' ? keys.uri : await discover(issuer)));
}

/** OpenID Connect Discovery 1.0, 4: the configuration must name the very issuer that was asked, or it is another's. */
async function discover(issuer: string): Promise<string> {
  const place = `${issuer.endsWith('/') ? issuer.slice(0, -1) : issuer}/.well-known/openid-configuration`;
  const configuration = await fetchJson(place);
  if (!isObject(configuration) || configuration.issuer !== issuer) throw new Error(`${place} is not of this issuer`);
  const { jwks_uri: uri } = configuration;
  if (typeof uri !== 'string') throw new Error(`${place} has no jwks_uri`);
  return uri;
}

async function fetchJson(place: string): Promise<unknown> {
  // Also what discovery tells: nobody has looked at it before.
  const fault = validateKeyUrl(place);
  if (fault !== undefined) throw new Error(`${place} ${fault}`);
  // A redirect could lead anywhere, also to where https is not asked for.
  const response = await fetch(place, {
    redirect: 'error',
    signal: AbortSignal.timeout(DEADLINE_MS),
    headers: { accept: 'application/json' },
  });
  const text = await readBounded(response, place);
  if (response.status !== 200) throw new Error(`${place} answered ${response.status}`);
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${place} answered no JSON`);
  }
}

async function readBounded({ body }: Response, place: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    // Leaving the loop cancels the rest.
    if (length > LONGEST_ANSWER) throw new Error(`${place} answered more than ${LONGEST_ANSWER} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Secrets are left out: what anybody can fetch is none. */
function readKeySet(written: unknown): JsonWebKeySet {
  if (!isObject(written) || !Array.isArray(written.keys)) throw new Error('what was fetched is no JSON Web Key Set');
  const keys = written.keys.filter((key): key is JsonWebKey => isObject(key) && typeof key.kty === 'string');
  return { keys: keys.filter(({ kty }) => kty !== 'oct').slice(0, MOST_KEYS) };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

import type { PresentedCredential, SourcedCredential } from '../../decide/check/presented-credential.ts';
import { API_KEY_PREFIX } from '../../domain/credentials/api-key.ts';
import { credentialFault } from '../../domain/credentials/credential-fault.ts';
import type { AuthorizationScheme, KeySource } from '../../domain/credentials/key-source.ts';
import { splitCookies } from './cookies.ts';
import { findQueryKey } from './query-key.ts';

/** The configured sources of API keys, prepared once. */
export interface KeySources {
  readonly list: readonly KeySource[];
  readonly cookieNames: ReadonlySet<string>;
  readonly readsPath: boolean;
  /** Message for a request that has no credential in any of them. */
  readonly missingMessage: string;
}

export function prepareKeySources(list: readonly KeySource[]): KeySources {
  const cookieNames = list.flatMap((source) => (source.kind === 'cookie' ? [source.name] : []));
  return {
    list,
    cookieNames: new Set(cookieNames),
    readsPath: list.some(({ kind }) => kind === 'query'),
    missingMessage: `missing credential: send an API key in ${list.map(describeSource).join(', or in ')}, or a token in authorization as a Bearer token`,
  };
}

function describeSource(source: KeySource): string {
  if (source.kind === 'header') return source.name;
  if (source.kind !== 'authorization')
    return `the ${source.kind === 'query' ? 'query parameter' : 'cookie'} ${source.name}`;
  return source.scheme === 'raw' ? 'authorization' : `authorization with the scheme ${SCHEME_NAMES[source.scheme]}`;
}

const SCHEME_NAMES = { bearer: 'Bearer', apikey: 'ApiKey', basic: 'Basic' };

/** The parts of a request that can carry an API key. */
export interface CredentialParts {
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
  /** Empty if no source reads it. */
  readonly path: string;
  /** Returns the value of a header that is a source. */
  readonly header: (name: string) => string | undefined;
}

/**
 * Finds the first credential in the order of the sources, and everything that must be removed before the request goes
 * upstream: all sources that are present, whichever counts.
 */
export function findSourcedCredential(sources: KeySources, parts: CredentialParts): SourcedCredential {
  const { cookieNames, missingMessage } = sources;
  const removedHeaders: string[] = [];
  const removedParameters: string[] = [];
  const cookies = parts.cookie === undefined ? undefined : splitCookies(parts.cookie, cookieNames);
  let credential: PresentedCredential | undefined;
  for (const source of sources.list) {
    let presented: PresentedCredential | undefined;
    if (source.kind === 'header') {
      const value = parts.header(source.name);
      if (value !== undefined) removedHeaders.push(source.name);
      presented = present(source.name === 'x-api-key' ? 'x-api-key' : 'configured', value);
    } else if (source.kind === 'authorization') {
      presented = readAuthorization(parts.authorization, source.scheme);
      if (presented !== undefined && !removedHeaders.includes('authorization')) removedHeaders.push('authorization');
    } else if (source.kind === 'cookie') presented = present('configured', cookies?.values.get(source.name));
    else {
      const { value, names } = findQueryKey(parts.path, source.name);
      removedParameters.push(...names);
      presented = present('configured', value);
    }
    credential ??= presented;
  }
  const cookie = cookies === undefined || cookies.values.size === 0 ? undefined : cookies.rest;
  if (cookie === '') removedHeaders.push('cookie');
  // Tokens always come as Bearer, whether API keys may or not.
  credential ??= readToken(parts.authorization);
  return { credential, removedHeaders, removedParameters, cookie: cookie === '' ? undefined : cookie, missingMessage };
}

function present(header: PresentedCredential['header'], secret: string | undefined): PresentedCredential | undefined {
  return secret === undefined || secret === '' ? undefined : { header, secret };
}

/** Reads the header if it has the scheme; undefined: it has not. Schemes are case-insensitive (RFC 9110, section 11.1). */
function readAuthorization(header: string | undefined, scheme: AuthorizationScheme): PresentedCredential | undefined {
  if (scheme === 'raw') return readToken(header) ?? present('configured', header);
  const secret = readScheme(header, scheme);
  if (secret === undefined) return undefined;
  if (scheme === 'bearer') return { header: 'authorization', secret };
  if (scheme === 'basic') return readBasicUser(secret);
  return secret === '' ? faulty('scheme_empty') : { header: 'configured', secret };
}

function readScheme(header: string | undefined, scheme: string): string | undefined {
  if (header === undefined || header.slice(0, scheme.length + 1).toLowerCase() !== `${scheme} `) return undefined;
  return header.slice(scheme.length).trim();
}

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
/** Longer ones hold no API key, so they are not decoded. */
const MAX_BASIC_LENGTH = 2048;

/** The part before the first colon is the key (RFC 7617). Weir ignores the password. */
function readBasicUser(secret: string): PresentedCredential {
  if (secret.includes(',')) return faulty('repeated_authorization');
  if (secret.length > MAX_BASIC_LENGTH || !BASE64.test(secret)) return faulty('basic_malformed');
  const text = Buffer.from(secret, 'base64').toString();
  const colon = text.indexOf(':');
  return colon <= 0 ? faulty('basic_malformed') : { header: 'configured', secret: text.slice(0, colon) };
}

function faulty(name: 'basic_malformed' | 'scheme_empty' | 'repeated_authorization'): PresentedCredential {
  return { header: 'configured', secret: '', fault: credentialFault(name) };
}

/** Reads a JWT, which has three parts. An API key of any format does not count here. */
function readToken(authorization: string | undefined): PresentedCredential | undefined {
  const secret = readScheme(authorization, 'bearer');
  if (secret === undefined || secret.startsWith(API_KEY_PREFIX) || !/^[^.]*\.[^.]*\.[^.]*$/.test(secret))
    return undefined;
  return { header: 'authorization', secret };
}

import { API_KEY_PREFIX } from '../../domain/credentials/api-key.ts';
import type { CheckQuestion } from './check-question.ts';
import type { PresentedCredential } from './presented-credential.ts';

/**
 * Finds the first credential of a request: in x-api-key, as a Bearer token in authorization, then in the query. Where
 * sources are configured, they apply instead.
 */
export function findCredential(question: CheckQuestion): PresentedCredential | undefined {
  const { apiKeyHeader, queryKey, sourced } = question;
  if (sourced !== undefined) return sourced.credential;
  if (apiKeyHeader !== undefined && apiKeyHeader !== '') return { header: 'x-api-key', secret: apiKeyHeader };
  const bearer = findBearer(question);
  if (bearer !== undefined) return { header: 'authorization', secret: bearer };
  return queryKey === '' ? undefined : { header: undefined, secret: queryKey };
}

/** Whether the authorization header carries an API key. */
export function hasBearerKey(question: CheckQuestion): boolean {
  return findBearer(question)?.startsWith(API_KEY_PREFIX) === true;
}

const SCHEME = 'Bearer ';

/** Reads the Bearer token without a regular expression, which would scan every character of it. */
function findBearer({ authorizationHeader }: CheckQuestion): string | undefined {
  if (authorizationHeader === undefined) return undefined;
  if (!authorizationHeader.startsWith(SCHEME) && !hasSchemeInOtherCase(authorizationHeader)) return undefined;
  let start = SCHEME.length;
  while (authorizationHeader[start] === ' ') start++;
  return authorizationHeader.slice(start);
}

/** Schemes are case-insensitive (RFC 9110, section 11.1), but nearly all clients write this one the same way. */
function hasSchemeInOtherCase(header: string): boolean {
  return header.slice(0, SCHEME.length).toLowerCase() === SCHEME.toLowerCase();
}
